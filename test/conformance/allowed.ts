// The differences that docs/differences.md allows: the code spans in the first column of its table under the heading
// "Against an observed server", each a whole line of what the comparison prints, or with `*` in place of any part of it.

export interface Allowed {
  pattern: string;
  matches(line: string): boolean;
}

const heading = /^## Against an observed server$/m;

export function readAllowed(page: string): Allowed[] {
  const start = heading.exec(page);
  if (!start) return [];
  const section = page.slice(start.index + start[0].length).split(/^## /m)[0] as string;
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
