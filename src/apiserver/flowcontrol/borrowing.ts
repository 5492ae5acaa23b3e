// Lending and borrowing among priority levels: every level has at least what it needs of its own, and what others leave is
// divided in proportion to demand, within the bounds that its configuration sets.
import { allocate } from './allocation.ts';
import type { Level } from './level.ts';

/** Ends a period of demand and gives every level its seats for the next one. */
export function adjust(levels: Iterable<Level>, nowMs: number): void {
  const limited: Level[] = [];
  let total = 0;
  let left = 0;
  for (const level of levels) {
    level.demand.adjust(nowMs);
    total += level.nominal;
    left += level.nominal;
    if (level.exempt) {
      const seats = Math.max(level.min, level.demand.highWatermark);
      left -= seats;
      level.apply(seats);
    } else limited.push(level);
  }
  const needs = limited.map(needOf);
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
  const minSum = sum(limited.map(({ min }) => min));
  const needSum = sum(needs);
  limited.forEach((level, i) => {
    level.target = Math.max(needs[i] as number, level.demand.smoothed);
  });
  if (left <= minSum) for (const level of limited) level.apply(level.min);
  else if (left <= needSum)
    limited.forEach((level, i) => {
      const share = (left - minSum) / (needSum - minSum);
      level.apply(level.min + Math.round(((needs[i] as number) - level.min) * share));
    });
  else {
    const seats = allocate(
      total,
      limited.map(({ max, target }, i) => ({ lower: needs[i] as number, upper: max, target })),
    );
    limited.forEach((level, i) => {
      level.apply(Math.round(seats[i] as number));
    });
  }
}

/** What a level can claim: what it used at its peak, up to its nominal seats; in any case what it does not lend. */
const needOf = ({ min, nominal, demand }: Level): number => Math.max(min, Math.min(nominal, demand.highWatermark));
