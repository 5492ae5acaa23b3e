import { describe, expect, test } from 'vitest';
import { type CronFields, isTimeZone, parseCron } from './cron.ts';

const fieldsOf = (text: string): CronFields => {
  const schedule = parseCron(text);
  if (!('fields' in schedule)) throw new Error('an interval');
  return schedule.fields;
};

describe('what is taken', () => {
  test.each<[string, keyof CronFields, number[]]>([
    ['*/15 * * * *', 'minutes', [0, 15, 30, 45]],
    ['5/20 * * * *', 'minutes', [5, 25, 45]],
    ['1,3-5,10-20/5 * * * *', 'minutes', [1, 3, 4, 5, 10, 15, 20]],
    ['0 0 1 JAN,feb *', 'months', [1, 2]],
    ['0 0 ? * mon-Fri', 'daysOfWeek', [1, 2, 3, 4, 5]],
    ['@weekly', 'daysOfWeek', [0]],
    ['@hourly', 'minutes', [0]],
  ])('%s', (text, field, values) => {
    expect([...(fieldsOf(text)[field] as ReadonlySet<number>)]).toEqual(values);
  });

  test('a star counts as any day only without a step', () => {
    expect(fieldsOf('0 0 * * 1')).toMatchObject({ anyDayOfMonth: true, anyDayOfWeek: false });
    expect(fieldsOf('0 0 */2 * ?')).toMatchObject({ anyDayOfMonth: false, anyDayOfWeek: true });
  });

  test('intervals and zones', () => {
    expect(parseCron('@every 1h30m')).toEqual({ everyMs: 5_400_000 });
    expect(parseCron('@every 10ms')).toEqual({ everyMs: 1000 });
    expect(parseCron('CRON_TZ=Europe/Berlin 0 0 * * *')).toMatchObject({ timeZone: 'Europe/Berlin' });
  });
});

test.each([
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['* * * * 7', 'end of range (7) above maximum (6): 7'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['*/2/3 * * * *', 'too many slashes: */2/3'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ['-1 * * * *', 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'],
  ['@noon', 'unrecognized descriptor: @noon'],
  ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
  ['TZ=Nowhere * * * * *', 'provided bad location Nowhere: unknown time zone Nowhere'],
  ['TZ=UTC', 'expected exactly 5 fields, found 0: []'],
])('refuses %j', (text, message) => {
  expect(() => parseCron(text)).toThrow(message);
});

test.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['Etc/GMT+5', true],
  ['europe/berlin', false],
  ['Nowhere/Land', false],
  ['+0100', false],
])('zone %s: %s', (name, known) => {
  expect(isTimeZone(name)).toBe(known);
});
