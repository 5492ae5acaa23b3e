// What a reader of a log gets of the runtime's lines (`TIME stdout|stderr F|P text`), many lines at a time: no line is an object,
// since a log is read at the speed of the disk. Partial lines are joined as they come, and have the time of their first part.

export interface LineOptions {
  /** Lines before it are left out. */
  sinceMs?: number | undefined;
  timestamps?: boolean | undefined;
  /** Default: both. */
  stream?: 'stdout' | 'stderr' | undefined;
}

/** What goes from one line to the next. */
export interface LineState {
  /** Bytes that may still be given out; absent: any number. */
  left?: number | undefined;
  /** The next text begins a line. */
  begins: boolean;
}

const newline = 0x0a;
const space = 0x20;
/** The first letters that differ. */
const letters = { stdout: 0x6f, stderr: 0x65 };
const partial = 0x50;
const utc = 0x5a;

/**
 * Writes the text of the complete lines in `input` to `output`, which is half as long again, and moves `state`. `consumed` is behind the
 * last of them; of what `left` cuts off, in front of it.
 */
export function takeLines(
  input: Buffer,
  output: Buffer,
  options: LineOptions,
  state: LineState,
): { consumed: number; written: number } {
  const { sinceMs, timestamps } = options;
  const wanted = options.stream && letters[options.stream];
  let written = 0;
  let start = 0;
  for (let end = input.indexOf(newline); end >= 0; start = end + 1, end = input.indexOf(newline, start)) {
    if (state.left !== undefined && state.left <= 0) break;
    const a = spaceAfter(input, start, end);
    const b = spaceAfter(input, a + 1, end);
    if (a === end || b === end) continue;
    if (wanted !== undefined && input[a + 4] !== wanted) continue;
    if (sinceMs !== undefined && Date.parse(input.toString('latin1', start, a)) < sinceMs) continue;
    const before = written;
    if (timestamps && state.begins) written += copyTime(input, start, a, output, written);
    const text = Math.min(spaceAfter(input, b + 1, end) + 1, end);
    written += input.copy(output, written, text, end);
    state.begins = input[b + 1] !== partial;
    if (state.begins) output[written++] = newline;
    if (state.left === undefined) continue;
    written = Math.min(written, before + state.left);
    state.left -= written - before;
  }
  return { consumed: start, written };
}

/** Of what has nine digits and no offset: what a runtime writes unless they end with zeros. */
const usualTimeBytes = '2026-01-01T00:00:00.123456789Z'.length;
const leastTimeBytes = '2026-01-01T00:00:00Z'.length;

/** With nine digits behind the second, as all lines are shown, and a space. How many bytes that is. */
function copyTime(input: Buffer, start: number, end: number, output: Buffer, at: number): number {
  const usual = (end - start === usualTimeBytes && input[end - 1] === utc) || end - start < leastTimeBytes;
  if (usual) return input.copy(output, at, start, end + 1);
  const time = input.toString('latin1', start, end);
  const [, seconds, fraction = '', zone] = /^([^.Z+]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return output.write(zone === undefined ? `${time} ` : `${seconds}.${fraction.padEnd(9, '0')}${zone} `, at, 'latin1');
}

function spaceAfter(input: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && input[at] !== space) at++;
  return at;
}
