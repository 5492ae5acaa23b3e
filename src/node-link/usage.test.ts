import { describe, expect, test } from 'vitest';
import type { ContainerUsage } from '../protocol/usage.ts';
import { UsageHistory } from './usage.ts';

const start = 1_000_000;
const node = (atMs: number, cpuNanoseconds: number) => ({ atMs, cpuNanoseconds, workingSetBytes: 4096 });
const container = (atMs: number, cpuNanoseconds: number, more: Partial<ContainerUsage> = {}): ContainerUsage => ({
  ...node(atMs, cpuNanoseconds),
  podUid: 'u',
  namespace: 'd',
  pod: 'p',
  container: 'c',
  startedAtMs: 1,
  ...more,
});

function history() {
  const clock = { at: start, now: () => clock.at };
  const held = new UsageHistory(clock);
  /** A sample at so many seconds, of so many CPU milliseconds by the node. */
  const add = (seconds: number, cpuMs: number, containers: ContainerUsage[] = []) =>
    held.add({ node: node(start + seconds * 1000, cpuMs * 1e6), containers });
  return { clock, held, add };
}
const at = (seconds: number): number => start + seconds * 1000;

test('a rate is of the two latest samples that are far enough apart', () => {
  const { held, add } = history();
  expect(held.rates()).toEqual({ pods: [] });
  add(0, 0);
  expect(held.rates()).toEqual({ pods: [] });
  add(10, 500);
  expect(held.rates().node).toEqual({ atMs: at(10), windowMs: 10_000, cpuNanocores: 50_000_000, memoryBytes: 4096 });
  // One that comes quickly moves the end, not the beginning.
  add(12, 700);
  expect(held.rates().node).toMatchObject({ windowMs: 12_000, cpuNanocores: Math.floor(7e8 / 12) });
  add(22, 1200);
  expect(held.rates().node).toMatchObject({ windowMs: 10_000, cpuNanocores: 50_000_000 });
});

describe('containers', () => {
  test('need two samples of one instance, and a pod all of its containers', () => {
    const { held, add } = history();
    add(0, 0, [container(at(0), 0)]);
    add(10, 1, [container(at(10), 2e9), container(at(10), 1, { podUid: 'new', startedAtMs: at(9) })]);
    const rate = { atMs: at(10), windowMs: 10_000, cpuNanocores: 200_000_000, memoryBytes: 4096 };
    expect(held.rates().pods).toEqual([{ namespace: 'd', name: 'p', uid: 'u', containers: [{ name: 'c', ...rate }] }]);
    const second = container(at(20), 0, { container: 'second', startedAtMs: at(19) });
    add(20, 2, [container(at(20), 4e9), second]);
    expect(held.rates().pods).toEqual([]);
    add(30, 3, [container(at(30), 6e9), { ...second, ...node(at(30), 1e9) }]);
    expect(held.rates().pods[0]?.containers.map(({ name }) => name)).toEqual(['c', 'second']);
  });

  test('begin anew with a new instance, whose start is a sample once it is old enough', () => {
    const { held, add } = history();
    add(0, 0, [container(at(0), 9e9)]);
    add(16, 1, [container(at(16), 1e9, { startedAtMs: at(7) })]);
    expect(held.rates().pods).toEqual([]);
    add(17, 2, [container(at(17), 1e9, { startedAtMs: at(7) })]);
    expect(held.rates().pods[0]?.containers[0]).toMatchObject({ windowMs: 10_000, cpuNanocores: 100_000_000 });
  });

  test('of long ago have no rate from their start', () => {
    const { held, add } = history();
    add(0, 0, []);
    add(100, 1, [container(at(100), 1e9, { startedAtMs: at(0) })]);
    expect(held.rates().pods).toEqual([]);
  });

  test('that are gone, or count backwards, are left out', () => {
    const { held, add } = history();
    add(0, 0, [container(at(0), 5e9), container(at(0), 0, { podUid: 'gone' })]);
    add(10, 1, [container(at(10), 4e9)]);
    expect(held.rates().pods).toEqual([]);
  });

  test('that are named twice are there once', () => {
    const { held, add } = history();
    add(0, 0, [container(at(0), 0)]);
    add(10, 1, [container(at(10), 1e9), container(at(10), 2e9)]);
    expect(held.rates().pods[0]?.containers).toHaveLength(1);
  });
});

test('a node that counts anew, or whose clock was set back, begins anew', () => {
  const { held, add } = history();
  add(0, 1000);
  add(10, 2000);
  add(20, 5);
  expect(held.rates().node).toBeUndefined();
  add(30, 1005);
  expect(held.rates().node).toMatchObject({ cpuNanocores: 100_000_000 });
  add(-50, 2000);
  expect(held.rates().node).toBeUndefined();
});

test('a silent node is not told of', () => {
  const { clock, held, add } = history();
  add(0, 0);
  add(10, 10);
  clock.at += 121_000;
  expect(held.rates()).toEqual({ pods: [] });
});

test.each<[string, unknown]>([
  ['nothing', null],
  ['text', 'x'],
  ['a list', []],
  ['no containers', { node: node(at(20), 1) }],
  ['null within', { node: node(at(20), 1), containers: [null] }],
  ['numbers that are none', { node: { atMs: '1', cpuNanoseconds: {}, workingSetBytes: null }, containers: [] }],
  ['times that nobody can write down', { node: node(9e15, 1), containers: [] }],
  ['figures beyond reckoning', { node: node(at(20), 1e300), containers: [] }],
  ['less than nothing', { node: node(at(20), -1), containers: [] }],
  ['long names', { node: node(at(20), 1), containers: [container(1, 1, { pod: 'x'.repeat(254) })] }],
  ['too many', { node: node(at(20), 1), containers: Array.from({ length: 2001 }, () => container(1, 1)) }],
])('%s is ignored', (_, given) => {
  const { held, add } = history();
  add(0, 0);
  add(10, 500);
  const before = held.rates();
  held.add(given);
  expect(held.rates()).toEqual(before);
});
