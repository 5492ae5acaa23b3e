import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { formatBytes, formatSeconds, type ProgressOutput, startProgress, withProgress } from './progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function screen(isTTY: boolean): ProgressOutput & { text: string } {
  const output = {
    isTTY,
    columns: 60,
    text: '',
    write(text: string) {
      output.text += text;
    },
  };
  return output;
}
const options = (output: ProgressOutput) => ({ output, now: () => Date.now() });

test('on a terminal: one line, with rate and what is left, taken away at the end', () => {
  const output = screen(true);
  const progress = startProgress('a.txt', options(output));
  progress.total = 10_000_000;
  for (let i = 0; i < 10; i++) {
    progress.add(500_000);
    vi.advanceTimersByTime(100);
  }
  expect(output.text.split('\r\x1b[K').at(-1)).toBe('a.txt: 5.00 MB of 10.0 MB (50%), 5.00 MB/s, 1 s left');
  expect(output.text).not.toContain('\n');
  progress.done();
  expect(output.text.endsWith('\r\x1b[K')).toBe(true);
  const { length } = output.text;
  vi.advanceTimersByTime(5000);
  expect(output.text.length).toBe(length);
});

test('on a terminal: a name moves no cursor and wraps no line', () => {
  const output = screen(true);
  const progress = startProgress('x', options(output));
  progress.add(1);
  progress.detail = `\x1b[2J\n${'n'.repeat(200)}`;
  vi.advanceTimersByTime(100);
  progress.done();
  const shown = output.text.split('\r\x1b[K')[1]!;
  expect([...shown].length).toBeLessThan(60);
  expect(shown).toContain('\\u{1b}[2J\\u{a}');
  expect(shown.endsWith('…')).toBe(true);
});

test('elsewhere: nothing for ten seconds, then a line now and then', () => {
  const output = screen(false);
  const progress = startProgress('a.txt', options(output));
  for (let s = 0; s < 9; s++) {
    progress.add(1000);
    vi.advanceTimersByTime(1000);
  }
  expect(output.text).toBe('');
  vi.advanceTimersByTime(61_000);
  progress.done();
  expect(output.text.split('\n')).toHaveLength(4);
  expect(output.text).toMatch(/^a\.txt: 9\.00 kB, [^\r\x1b]*\n/);
});

test('without bytes: how long it has taken', async () => {
  const output = screen(true);
  const work = withProgress('unpacking', () => new Promise((resolve) => setTimeout(resolve, 2500)), options(output));
  await vi.advanceTimersByTimeAsync(2500);
  await work;
  expect(output.text).toContain('unpacking: 2 s');
  expect(output.text.endsWith('\r\x1b[K')).toBe(true);
});

test('what is stalled shows no rate', () => {
  const output = screen(true);
  const progress = startProgress('x', options(output));
  progress.add(1_000_000);
  vi.advanceTimersByTime(10_000);
  progress.done();
  expect(output.text).toContain('1.00 MB, 0 B/s');
});

test('sizes and times', () => {
  const sizes = [0, 999, 999.6, 1000, 999_499, 999_500, 1e6, 12_345_678, 8_600_000_000, 1e18];
  expect(sizes.map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '1.00 kB',
    '999 kB',
    '1.00 MB',
    '1.00 MB',
    '12.3 MB',
    '8.60 GB',
    '1000 PB',
  ]);
  expect([0.4, 59.6, 61, 3599.9, 7300].map(formatSeconds)).toEqual([
    '0 s',
    '1 min 0 s',
    '1 min 1 s',
    '1 h 0 min',
    '2 h 1 min',
  ]);
});
