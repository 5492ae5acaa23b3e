// Cron schedules as CronJobs have them: five fields (minute, hour, day of month, month, day of week), a descriptor (`@daily`)
// or an interval (`@every 1h`). What is taken, and what is said of the rest, is robfig/cron's ParseStandard. Parsing only.

import { parseDuration } from './time.ts';

/** The values that match, per field. Days: where one field is `*`, only the other counts; otherwise either will do. */
export interface CronFields {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  daysOfMonth: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 is Sunday. */
  daysOfWeek: ReadonlySet<number>;
  anyDayOfMonth: boolean;
  anyDayOfWeek: boolean;
}

export type CronSchedule = { fields: CronFields; timeZone?: string } | { everyMs: number };

/** Says, in robfig/cron's words, what is wrong with a schedule. */
export class CronError extends Error {}

interface Bounds {
  min: number;
  max: number;
  names?: readonly string[];
}

const minutes: Bounds = { min: 0, max: 59 };
const hours: Bounds = { min: 0, max: 23 };
const daysOfMonth: Bounds = { min: 1, max: 31 };
const months: Bounds = {
  min: 1,
  max: 12,
  names: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const daysOfWeek: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

function integer(text: string): number {
  const wrong = (why: string): never => {
    throw new CronError(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: ${why}`);
  };
  if (!/^[+-]?\d+$/.test(text)) wrong('invalid syntax');
  const value = Number(text);
  if (!Number.isSafeInteger(value)) wrong('value out of range');
  if (value < 0) throw new CronError(`negative number (${value}) not allowed: ${text}`);
  return value;
}

function integerOrName(text: string, { names }: Bounds): number {
  const index = text === '' ? -1 : (names?.indexOf(text.toLowerCase()) ?? -1);
  return index >= 0 ? index : integer(text);
}

const isStar = (text: string): boolean => text === '*' || text === '?';

/** One of a field's comma-separated parts: `*`, `5`, `1-5`, each with `/step`. */
function addRange(into: Set<number>, text: string, bounds: Bounds): boolean {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreHighs] = range.split('-');
  const star = isStar(low);
  let start = bounds.min;
  let end = bounds.max;
  if (!star) {
    start = integerOrName(low, bounds);
    end = start;
    if (moreHighs.length > 0) throw new CronError(`too many hyphens: ${text}`);
    if (high !== undefined) end = integerOrName(high, bounds);
  }
  if (moreSteps.length > 0) throw new CronError(`too many slashes: ${text}`);
  let step = 1;
  if (stepText !== undefined) {
    step = integer(stepText);
    // `5/15` means from 5 to the end.
    if (high === undefined) end = bounds.max;
  }
  if (start < bounds.min) throw new CronError(`beginning of range (${start}) below minimum (${bounds.min}): ${text}`);
  if (end > bounds.max) throw new CronError(`end of range (${end}) above maximum (${bounds.max}): ${text}`);
  if (start > end) throw new CronError(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new CronError(`step of range should be a positive number: ${text}`);
  for (let value = start; value <= end; value += step) into.add(value);
  return star && step === 1;
}

function parseField(text: string, bounds: Bounds): { values: Set<number>; any: boolean } {
  const values = new Set<number>();
  let any = false;
  for (const part of text.split(',')) if (part !== '' && addRange(values, part, bounds)) any = true;
  return { values, any };
}

/** The zone as Go's time.LoadLocation finds it: by its exact name. */
export function isTimeZone(name: string): boolean {
  if (name === 'UTC' || name === 'Local') return true;
  if (/^[+-]/.test(name)) return false;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    // Zones are files upstream, whose names have one spelling; an alias resolves to another name altogether.
    return timeZone === name || timeZone.toLowerCase() !== name.toLowerCase();
  } catch {
    return false;
  }
}

/** Throws {@link CronError}. */
export function parseCron(text: string): CronSchedule {
  if (text === '') throw new CronError('empty spec string');
  const zoned = /^(?:CRON_)?TZ=([^ ]*)(.*)$/s.exec(text);
  if (!zoned) return parseUnzoned(text);
  const timeZone = zoned[1] as string;
  if (timeZone !== '' && !isTimeZone(timeZone))
    throw new CronError(`provided bad location ${timeZone}: unknown time zone ${timeZone}`);
  const schedule = parseUnzoned((zoned[2] as string).trim());
  return 'fields' in schedule ? { ...schedule, timeZone } : schedule;
}

function parseUnzoned(text: string): CronSchedule {
  if (text.startsWith('@every ')) {
    const duration = text.slice('@every '.length);
    const everyMs = parseDuration(duration);
    if (everyMs === undefined)
      throw new CronError(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`);
    // Whole seconds, and at least one.
    return { everyMs: Math.max(1000, Math.floor(everyMs / 1000) * 1000) };
  }
  const plain = Object.hasOwn(descriptors, text) ? (descriptors[text] as string) : text;
  if (plain.startsWith('@')) throw new CronError(`unrecognized descriptor: ${text}`);
  const parts = plain.split(/\s+/).filter(Boolean);
  if (parts.length !== 5) throw new CronError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  const [minute, hour, day, month, weekday] = [minutes, hours, daysOfMonth, months, daysOfWeek].map((bounds, i) =>
    parseField(parts[i] as string, bounds),
  ) as [Parsed, Parsed, Parsed, Parsed, Parsed];
  return {
    fields: {
      minutes: minute.values,
      hours: hour.values,
      daysOfMonth: day.values,
      months: month.values,
      daysOfWeek: weekday.values,
      anyDayOfMonth: day.any,
      anyDayOfWeek: weekday.any,
    },
  };
}

type Parsed = ReturnType<typeof parseField>;
