// How long operations show that they go on: one live line on a terminal; elsewhere nothing for the first ten seconds, then a
// plain line now and then (after 10 s, 20 s, 40 s, …), so that a log shows life and stays short. Writes to standard error only,
// and nothing that was not made printable. Does not know what it counts.
import { printable } from './access/columns.ts';

/** Where progress goes: process.stderr, or a test's. */
export interface ProgressOutput {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  output?: ProgressOutput;
  /** Milliseconds, monotonic. */
  now?: () => number;
}

export interface Progress {
  /** Bytes more; shown with their rate, and with what is left where `total` is known. */
  add(bytes: number): void;
  total: number | undefined;
  /** What is happening just now; behind the figures. */
  detail: string;
  /** Prints a line of its own above the live one. */
  note(line: string): void;
  /** The same for a result: on standard output, and as it is. */
  print(text: string): void;
  /** Takes the live line away. */
  done(): void;
  readonly bytes: number;
  readonly elapsedMs: number;
}

const liveEveryMs = 100;
const plainAfterMs = 10_000;
/** The rate is that of the last few seconds, so that a stall shows. */
const rateWindowMs = 3000;

const begin = '\r\x1b[K';

/** Begins to show `label`; call `done` whatever happens. */
export function startProgress(label: string, options: ProgressOptions = {}): Progress {
  const output = options.output ?? process.stderr;
  const now = options.now ?? (() => performance.now());
  const live = output.isTTY === true;
  const startedAt = now();
  const seen: { at: number; bytes: number }[] = [{ at: startedAt, bytes: 0 }];
  let bytes = 0;
  let plainAt = plainAfterMs;
  let ended = false;

  const rate = (): number => {
    const at = now();
    while (seen.length > 2 && at - seen[1]!.at > rateWindowMs) seen.shift();
    const first = seen[0]!;
    return at > first.at ? ((bytes - first.bytes) * 1000) / (at - first.at) : 0;
  };
  const text = (): string => {
    const { total, detail } = progress;
    const parts: string[] = [];
    if (bytes > 0 || total !== undefined) {
      const perSecond = rate();
      parts.push(
        total === undefined
          ? formatBytes(bytes)
          : `${formatBytes(bytes)} of ${formatBytes(total)} (${percent(bytes, total)}%)`,
        `${formatBytes(perSecond)}/s`,
      );
      if (total !== undefined && total > bytes && perSecond > 0)
        parts.push(`${formatSeconds((total - bytes) / perSecond)} left`);
    } else if (progress.elapsedMs >= 1000) {
      parts.push(formatSeconds(Math.floor(progress.elapsedMs / 1000)));
    }
    if (detail !== '') parts.push(detail);
    return printable([label, parts.join(', ')].filter((part) => part !== '').join(': '));
  };
  const tick = (): void => {
    seen.push({ at: now(), bytes });
    if (live) output.write(`${begin}${cut(text(), (output.columns || 80) - 1)}`);
    else if (progress.elapsedMs >= plainAt) {
      plainAt *= 2;
      output.write(`${text()}\n`);
    }
  };
  const timer = setInterval(tick, live ? liveEveryMs : 1000);
  timer.unref();

  const progress: Progress = {
    total: undefined,
    detail: '',
    add: (more) => {
      bytes += more;
    },
    note: (line) => {
      output.write(`${live && !ended ? begin : ''}${printable(line)}\n`);
    },
    print: (text) => {
      if (live && !ended) output.write(begin);
      console.log(text);
    },
    done: () => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      if (live) output.write(begin);
    },
    get bytes() {
      return bytes;
    },
    get elapsedMs() {
      return now() - startedAt;
    },
  };
  return progress;
}

/** `work` with its progress shown; the live line goes whatever comes of it. */
export async function withProgress<T>(
  label: string,
  work: (progress: Progress) => Promise<T>,
  options: ProgressOptions = {},
): Promise<T> {
  const progress = startProgress(label, options);
  try {
    return await work(progress);
  } finally {
    progress.done();
  }
}

const percent = (part: number, whole: number): number =>
  whole > 0 ? Math.min(100, Math.floor((part * 100) / whole)) : 100;

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Three digits and a decimal unit: `512 B`, `1.5 MB`, `104 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be rounded to four digits.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `8 s`, `2 min 5 s`, `3 h 20 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Short enough for one line: a line that wraps could not be taken away again. */
function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}
