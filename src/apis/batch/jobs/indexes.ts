// Sets of completion indexes as text: `1,3-5,7`, in ascending order, below the number of completions.

interface Interval {
  first: number;
  last: number;
}

const number = (text: string): number => {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`cannot convert string to integer for index: ${JSON.stringify(text)}`);
  return Number(text);
};

function below(text: string, completions: number): number {
  const value = number(text);
  if (value >= completions) throw new Error(`too large index: ${JSON.stringify(text)}`);
  return value;
}

function parseInterval(text: string, completions: number): Interval {
  const limits = text.split('-');
  if (limits.length > 2)
    throw new Error(
      `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    );
  const first = below(limits[0] as string, completions);
  if (limits[1] === undefined) return { first, last: first };
  const last = below(limits[1], completions);
  if (first >= last) throw new Error(`non-increasing order, previous: ${first}, current: ${last}`);
  return { first, last };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** How many indexes there are, or what is wrong with the text. */
export function countIndexes(text: string, completions: number): { count: number; wrong?: string } {
  let count = 0;
  let previous: number | undefined;
  try {
    for (const part of text === '' ? [] : text.split(',')) {
      const { first, last } = parseInterval(part, completions);
      if (previous !== undefined && previous >= first)
        throw new Error(`non-increasing order, previous: ${previous}, current: ${first}`);
      count += last - first + 1;
      previous = last;
    }
  } catch (error) {
    return { count: 0, wrong: messageOf(error) };
  }
  return { count };
}

const validIntervals = (text: string, completions: number): Interval[] =>
  (text === '' ? [] : text.split(',')).flatMap((part) => {
    try {
      return [parseInterval(part, completions)];
    } catch {
      return [];
    }
  });

/** The first index in both, found by walking both lists; what does not parse is passed over. */
export function firstCommonIndex(one: string, other: string, completions: number): number | undefined {
  const left = validIntervals(one, completions);
  const right = validIntervals(other, completions);
  let i = 0;
  let j = 0;
  for (;;) {
    const a = left[i];
    const b = right[j];
    if (!a || !b) return undefined;
    if (a.first <= b.last && b.first <= a.last) return Math.max(a.first, b.first);
    if (a.first <= b.first) i++;
    else j++;
  }
}
