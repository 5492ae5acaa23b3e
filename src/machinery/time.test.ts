import { describe, expect, it } from 'vitest';
import { intValue, scaledValue } from './intstr.ts';
import {
  ageText,
  canonicalMicroTime,
  canonicalTime,
  formatDuration,
  formatMicroTime,
  formatTime,
  humanDuration,
  parseDuration,
  parseTime,
  timeProblem,
} from './time.ts';

it('prints and reads times', () => {
  expect(formatTime(1_767_323_045_678)).toBe('2026-01-02T03:04:05Z');
  expect(formatMicroTime(1_767_323_045_678)).toBe('2026-01-02T03:04:05.678000Z');
  expect(parseTime('2026-01-02T04:04:05.5+01:00')).toBe(1_767_323_045_500);
  expect(canonicalTime('2026-01-02T04:04:05.5+01:00')).toBe('2026-01-02T03:04:05Z');
  expect(canonicalMicroTime('2026-01-02T03:04:05.123456+01:00')).toBe('2026-01-02T02:04:05.123456Z');
  expect(canonicalMicroTime('2026-01-02T03:04:05.1234567Z')).toBeUndefined();
  expect(canonicalMicroTime('2026-01-02T03:04:05Z')).toBeUndefined();
  for (const text of ['', '2026-01-02', '2026-02-30T00:00:00Z', '2026-01-02T24:00:00Z', '2026-01-02 03:04:05Z', 'x'])
    expect(canonicalTime(text)).toBeUndefined();
});

it.each([
  ['1h30m', 5_400_000, '1h30m0s'],
  ['250ms', 250, '250ms'],
  ['1.5s', 1500, '1.5s'],
  ['0', 0, '0s'],
  ['-2m', -120_000, '-2m0s'],
  ['10us', 0.01, '10µs'],
])('duration %s', (text, ms, canonical) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(canonical);
});
it.each(['', '5', 'h', '1x', '1h 2m', '.s', '1.2.3s'])('no duration: %j', (text) =>
  expect(parseDuration(text)).toBeUndefined(),
);
it('tells quickly of long texts that they are no durations', () => {
  const began = performance.now();
  for (const text of ['9'.repeat(60_000), `${'1.'.repeat(30_000)}s`, '1s'.repeat(30_000) + '9'.repeat(60_000)])
    expect(parseDuration(text)).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(3000);
});

describe('ages', () => {
  it.each([
    [-5, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [200, '3m20s'],
    [599, '9m59s'],
    [600, '10m'],
    [10_799, '179m'],
    [10_800, '3h'],
    [11_000, '3h3m'],
    [28_800, '8h'],
    [172_799, '47h'],
    [172_800, '2d'],
    [180_000, '2d2h'],
    [691_200, '8d'],
    [63_072_000, '2y'],
    [64_000_000, '2y10d'],
    [252_288_000, '8y'],
  ])('%d s is %s', (seconds, text) => expect(humanDuration(seconds * 1000)).toBe(text));
  it('is unknown without a beginning', () => {
    expect(ageText(undefined, 0)).toBe('<unknown>');
    expect(ageText('1970-01-01T00:00:00Z', 5000)).toBe('5s');
  });
});

it('scales percentages', () => {
  expect(scaledValue('25%', 10, true)).toBe(3);
  expect(scaledValue('25%', 10, false)).toBe(2);
  expect(scaledValue(4, 10, false)).toBe(4);
  expect(scaledValue('x', 10, false)).toBeUndefined();
  expect(intValue('8080')).toBe(8080);
});

it.each([
  ['yesterday', false, 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'],
  ['', false, 'parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'],
  ['2026-1-02', false, 'parsing time "2026-1-02" as "2006-01-02T15:04:05Z07:00": cannot parse "1-02" as "01"'],
  ['2026-13-01T00:00:00Z', false, 'parsing time "2026-13-01T00:00:00Z": month out of range'],
  ['2026-02-30T00:00:00Z', false, 'parsing time "2026-02-30T00:00:00Z": day out of range'],
  ['2026-01-02T24:00:00Z', false, 'parsing time "2026-01-02T24:00:00Z": hour out of range'],
  [
    '2026-01-02T03:04:05',
    false,
    'parsing time "2026-01-02T03:04:05" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"',
  ],
  ['2026-01-02T03:04:05Zx', false, 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'],
  [
    '2026-01-02T03:04:05Z',
    true,
    'parsing time "2026-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
  ],
])('%j is no time', (text, micro, message) => expect(timeProblem(text, micro)).toBe(message));
