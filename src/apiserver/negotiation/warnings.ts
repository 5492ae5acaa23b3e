// Warning headers (RFC 7234, with upstream's agent `-`). Headers are short: where the texts of an answer are long in all, upstream
// cuts each, and leaves out what is too much even so.

const totalMax = 4 * 1024;
const itemMax = 256;

/** The values of the headers; text that cannot be put in a header is left out. */
export function warningHeaders(texts: readonly string[]): string[] {
  let written = 0;
  const whole: string[] = [];
  for (const text of texts) {
    written += text.length;
    if (written > totalMax) return cut(texts);
    const value = headerOf(text);
    if (value !== undefined) whole.push(value);
  }
  return whole;
}

function cut(texts: readonly string[]): string[] {
  const values: string[] = [];
  let written = 0;
  for (const text of texts) {
    if (written >= totalMax) break;
    const short = text.slice(0, itemMax);
    const value = headerOf(short);
    if (value === undefined) continue;
    written += short.length;
    values.push(value);
  }
  return values;
}

function headerOf(text: string): string | undefined {
  const quoted = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[\r\n]+/g, ' ');
  return /^[\x20-\x7e]*$/.test(quoted) ? `299 - "${quoted}"` : undefined;
}
