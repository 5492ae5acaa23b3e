// How much a row counts, and how much one may hold. Open text is measured: sealing adds some fifty bytes.
import { ValueTooLargeError } from './types.ts';

/** A Durable Object's SQLite takes rows of 2 MB; the rest is for the other columns. */
const rowBytesMax = 2_000_000 - 10_000;

export function sizeOf(row: { key: string; value: string; side: string }): number {
  return row.key.length + row.value.length + row.side.length;
}

const encoder = new TextEncoder();

/** Throws {@link ValueTooLargeError}. */
export function checkSize(key: string, value: string, side: string, tags: string): void {
  const units = key.length + value.length + side.length + tags.length;
  // At most three bytes of UTF-8 per unit: only then is counting needed.
  if (units * 3 <= rowBytesMax) return;
  const bytes = [key, value, side, tags].reduce((sum, text) => sum + encoder.encode(text).length, 0);
  if (bytes > rowBytesMax) throw new ValueTooLargeError(bytes, rowBytesMax);
}
