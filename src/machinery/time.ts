// Times as the API writes them: meta/v1 Time (RFC 3339, whole seconds), MicroTime (six digits), Go durations, and the
// durations that kubectl prints as ages.

/** `2026-01-02T03:04:05Z`: meta/v1 Time. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `2026-01-02T03:04:05.678000Z`: meta/v1 MicroTime. */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:(Z)|([+-])(\d{2}):(\d{2}))$/;

interface Instant {
  seconds: number;
  micros: number;
}

function instantOf(text: string): Instant | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59 || month < 1 || month > 12 || day < 1) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  const offsetMinutes = match[8] ? 0 : (match[9] === '-' ? -1 : 1) * (Number(match[10]) * 60 + Number(match[11]));
  if (Math.abs(offsetMinutes) >= 24 * 60) return undefined;
  return {
    seconds: date.getTime() / 1000 - offsetMinutes * 60,
    micros: Number((match[7] ?? '').slice(0, 6).padEnd(6, '0')),
  };
}

/** Milliseconds of an RFC 3339 time, undefined when it is none. */
export function parseTime(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const instant = instantOf(text);
  return instant ? instant.seconds * 1000 + Math.floor(instant.micros / 1000) : undefined;
}

/** The same instant as meta/v1 Time writes it; undefined when `text` is no RFC 3339 time. */
export function canonicalTime(text: string): string | undefined {
  const instant = instantOf(text);
  return instant && inYears(instant) ? formatTime(instant.seconds * 1000) : undefined;
}

/** The same instant as meta/v1 MicroTime writes it; it is read with as many digits as it is written with. */
export function canonicalMicroTime(text: string): string | undefined {
  const instant = /[.,]\d{6}(?!\d)/.test(text) ? instantOf(text) : undefined;
  if (!instant || !inYears(instant)) return undefined;
  return `${formatTime(instant.seconds * 1000).slice(0, 19)}.${String(instant.micros).padStart(6, '0')}Z`;
}

/** Elements of Go's layouts: as they are written there, what they take, and up to which number. */
type Element = readonly [layout: string, shape: RegExp, name?: string, max?: number];
const dateElements: readonly Element[] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/, 'month', 12],
  ['-', /^-/],
  ['02', /^\d\d/, 'day', 31],
  ['T', /^T/],
  ['15', /^\d\d/, 'hour', 23],
  [':', /^:/],
  ['04', /^\d\d/, 'minute', 59],
  [':', /^:/],
  ['05', /^\d\d/, 'second', 59],
];
const fraction: Element = ['.000000', /^[.,]\d{6}/];
const zone: Element = ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/];

/** Why a text is no meta/v1 Time or MicroTime, in the words of Go's time package. */
export function timeProblem(text: string, micro: boolean): string {
  const layout = `2006-01-02T15:04:05${micro ? '.000000' : ''}Z07:00`;
  const said = `parsing time ${JSON.stringify(text)}`;
  let rest = text;
  for (const [element, shape, name, max] of [...dateElements, ...(micro ? [fraction] : []), zone]) {
    // Fractions are taken whether or not the layout has them.
    if (element === 'Z07:00' && !micro) rest = rest.replace(/^[.,]\d+/, '');
    const found = shape.exec(rest)?.[0];
    if (found === undefined)
      return `${said} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`;
    if (name && max && (Number(found) > max || (max < 32 && max !== 23 && Number(found) === 0)))
      return `${said}: ${name} out of range`;
    rest = rest.slice(found.length);
  }
  return rest === '' ? `${said}: day out of range` : `${said}: extra text: ${JSON.stringify(rest)}`;
}

const inYears = (instant: Instant): boolean => instant.seconds >= -62135596800 && instant.seconds < 253402300800;

const nanosOf: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/**
 * Milliseconds of a Go duration (`1h30m`, `250ms`), undefined when it is none. Micro signs are escaped here because bundlers leave
 * regular expressions as they are, and one character beyond Latin-1 makes an engine hold the whole bundle at two bytes each.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^[-+]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/.test(text)) return undefined;
  let nanos = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g))
    nanos += Number(count) * (nanosOf[unit as string] as number);
  return ((text.startsWith('-') ? -1 : 1) * nanos) / 1e6;
}

/** As Go's time.Duration prints: `1h30m0s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const nanos = Math.round(Math.abs(ms) * 1e6);
  if (nanos < 1e3) return `${sign}${nanos}ns`;
  if (nanos < 1e6) return `${sign}${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${sign}${nanos / 1e6}ms`;
  const seconds = nanos / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Number((seconds % 60).toFixed(9));
  return `${sign}${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${rest}s`;
}

/** An age as kubectl prints it, two or three significant figures: `5s`, `3m20s`, `2d4h` (util/duration.HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const pair = (major: number, majorUnit: string, minor: number, minorUnit: string): string =>
    minor === 0 ? `${major}${majorUnit}` : `${major}${majorUnit}${minor}${minorUnit}`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return pair(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 365 * 8 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

/** Age of something that began at `since`, as a Table cell prints it. */
export function ageText(since: string | undefined, nowMs: number): string {
  const began = parseTime(since);
  return began === undefined ? '<unknown>' : humanDuration(nowMs - began);
}
