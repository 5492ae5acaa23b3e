// What a page in docs allows: the code spans in the first column of the table under a heading, each a whole line of what a
// comparison prints, or with `*` in place of any part of it.

export interface Allowed {
  pattern: string;
  matches(line: string): boolean;
}

export const observedHeading = 'Against an observed server';

export function readAllowed(page: string, heading = observedHeading): Allowed[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const cells = section.split('\n').flatMap((line) => /^\|((?:[^|\\]|\\.)*)\|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, pattern]) => allowed(pattern as string)));
}

function allowed(pattern: string): Allowed {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return { pattern, matches: (line) => expression.test(line) };
}

export interface Judgement {
  unlisted: string[];
  listed: string[];
  /** Patterns that nothing matches any more. */
  stale: string[];
}

export function judge(differences: readonly string[], list: readonly Allowed[]): Judgement {
  const isListed = (line: string) => list.some((one) => one.matches(line));
  return {
    unlisted: differences.filter((line) => !isListed(line)),
    listed: differences.filter(isListed),
    stale: list.filter((one) => !differences.some((line) => one.matches(line))).map(({ pattern }) => pattern),
  };
}
