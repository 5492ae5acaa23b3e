import { describe, expect, it } from 'vitest';
import { Poker } from './poker.ts';

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function bench() {
  const log: string[] = [];
  const open: ((reached: number | Error) => void)[] = [];
  const later: (() => void)[] = [];
  let repairs = 0;
  let nowMs = 0;
  const poker = new Poker({
    clock: { now: () => nowMs },
    consumer: (name) => ({
      poke: (revision) => {
        log.push(`poke ${name} ${revision}`);
        return new Promise((resolve, reject) => {
          open.push((reached) => (typeof reached === 'number' ? resolve(reached) : reject(reached)));
        });
      },
      nudge: async (revision) => {
        log.push(`nudge ${name} ${revision}`);
      },
    }),
    waitUntil: () => undefined,
    later: (_delayMs, work) => later.push(work),
    armRepair: () => {
      repairs++;
    },
    onFailure: (name) => log.push(`failed ${name}`),
  });
  const answer = async (reached: number | Error): Promise<void> => {
    open.shift()?.(reached);
    await settle();
  };
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    for (const work of later.splice(0)) work();
    await settle();
  };
  return { poker, log, answer, later, pass, repairs: () => repairs };
}

describe('the poker', () => {
  it('knows who fails, and who is behind and does not move', async () => {
    const { poker, answer, pass } = bench();
    expect(poker.problem('c')).toBeUndefined();
    poker.want('c', 5);
    await settle();
    await answer(new Error('no'));
    expect(poker.problem('c')).toBe('Error: no');
    await pass(1000);
    await pass(60_000);
    expect(poker.problem('c')).toBe('Error: no');
    await answer(5);
    expect(poker.problem('c')).toBeUndefined();
    await pass(120_000);
    poker.want('c', 7);
    await settle();
    expect(poker.problem('c')).toBeUndefined();
    await pass(61_000);
    expect(poker.problem('c')).toBe('at revision 5 of 7 for 61 s');
    poker.want('c', 8);
    await answer(6);
    expect(poker.problem('c')).toBeUndefined();
  });

  it('follows the worked example of its top comment', async () => {
    const { poker, log, answer } = bench();
    poker.want('c', 5);
    poker.want('c', 6);
    await settle();
    expect(log).toEqual(['poke c 6']);
    poker.want('c', 7);
    await settle();
    expect(log).toEqual(['poke c 6', 'nudge c 7']);
    await answer(6);
    expect(log.at(-1)).toBe('poke c 7');
    await answer(7);
    expect(log).toHaveLength(3);
    expect(await poker.repair()).toBe(true);
    expect(log).toHaveLength(3);
  });

  it('tells a consumer at a bounded rate, and everything in the end', async () => {
    const { poker, log, answer, pass } = bench();
    let revision = 0;
    for (let ms = 0; ms < 1000; ms++) {
      poker.want('c', ++revision);
      await settle();
      await answer(revision);
      await pass(1);
    }
    expect(log.length).toBeGreaterThan(100);
    expect(log.length).toBeLessThan(130);
    for (let i = 0; i < 5; i++) {
      await pass(10);
      await answer(revision);
    }
    expect(poker.caughtUp).toBe(true);
    expect(log.at(-1)).toBe(`poke c ${revision}`);
  });

  it('asks no more of a consumer whose nudged run covered everything', async () => {
    const { poker, log, answer } = bench();
    poker.want('c', 1);
    await settle();
    poker.want('c', 2);
    await settle();
    await answer(2);
    expect(log).toEqual(['poke c 1', 'nudge c 2']);
  });

  it('retries soon, and leaves the rest to the repair', async () => {
    const { poker, log, answer, later } = bench();
    poker.want('c', 3);
    await settle();
    for (let i = 0; i < 4; i++) {
      await answer(new Error('gone'));
      later.shift()?.();
      await settle();
    }
    expect(log.filter((line) => line.startsWith('poke'))).toHaveLength(4);
    const repaired = poker.repair();
    await answer(3);
    expect(await repaired).toBe(true);
  });

  it('does not spin on a consumer that cannot get further', async () => {
    const { poker, log, answer } = bench();
    poker.want('c', 3);
    await settle();
    await answer(2);
    expect(log).toEqual(['poke c 3']);
    const repaired = poker.repair();
    await answer(2);
    expect(await repaired).toBe(false);
  });
});
