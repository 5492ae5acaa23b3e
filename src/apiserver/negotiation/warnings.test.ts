import { expect, it } from 'vitest';
import { warningHeaders } from './warnings.ts';

it('quotes texts, and leaves out what no header can hold', () => {
  expect(warningHeaders(['a "b" \\', 'two\r\nlines', 'nul \0', 'é'])).toEqual([
    '299 - "a \\"b\\" \\\\"',
    '299 - "two lines"',
  ]);
});

it('leaves one long text whole, and cuts all where they are too long together', () => {
  const long = 'x'.repeat(4000);
  expect(warningHeaders([long])).toEqual([`299 - "${long}"`]);
  expect(warningHeaders([long, 'y'.repeat(300)])).toEqual([`299 - "${'x'.repeat(256)}"`, `299 - "${'y'.repeat(256)}"`]);
});

it('stops when what is cut is still too much', () => {
  const texts = Array.from({ length: 20_000 }, (_, n) => `${n} ${'x'.repeat(300)}`);
  expect(warningHeaders(texts)).toHaveLength(16);
  expect(warningHeaders(texts.map((text) => text.slice(0, 50))).length).toBeLessThan(4096 / 50 + 1);
});
