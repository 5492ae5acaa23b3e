// Tables for a terminal.

/** Rows as columns of equal width, two spaces apart; the last is as long as it is. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, printable(cell).length);
    });
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? printable(cell) : printable(cell).padEnd(widths[i] ?? 0))).join('  ');
  return rows.map(line).join('\n');
}

/** Names are anybody's: what would move the cursor, or hide, is shown as its code point. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}
