import { expect, test } from 'vitest';
import type { NodeUsageRates } from '../../machinery/usage.ts';
import { Usage } from './usage.ts';

const rate = { atMs: 1, windowMs: 2, cpuNanocores: 3, memoryBytes: 4 };
const pod = (uid: string) => ({ uid, namespace: 'd', name: uid, containers: [{ name: 'c', ...rate }] });

/** Timers that fire when they are told to. */
function timers() {
  const waiting = new Set<() => void>();
  return {
    now: () => 0,
    after(_ms: number, callback: () => void) {
      waiting.add(callback);
      return () => void waiting.delete(callback);
    },
    waiting,
    fire: () => waiting.forEach((callback) => void callback()),
  };
}

test('each node is asked once, and believed about the pods that are on it', async () => {
  const asked: string[] = [];
  const usage = new Usage(timers(), async (node) => {
    asked.push(node);
    return { node: rate, pods: [pod('a'), pod('b')] };
  });
  const of = (uid: string, node: string) => ({ uid, node });
  const found = await usage.ofPods([of('a', 'n1'), of('b', 'n1'), of('b', 'n2'), of('x', 'n1'), of('y', '')]);
  expect(found.map((one) => one?.uid)).toEqual(['a', 'b', 'b', undefined, undefined]);
  expect(asked.sort()).toEqual(['n1', 'n2']);
  expect(await usage.ofNodes(['n1'])).toEqual([rate]);
});

test('a node that fails or does not answer is left out, and asked again the next time', async () => {
  const clock = timers();
  let answers = false;
  const asked: string[] = [];
  const usage = new Usage(clock, (node): Promise<NodeUsageRates | undefined> => {
    asked.push(node);
    if (node === 'broken') return Promise.reject(new Error('gone'));
    return node === 'slow' && !answers ? new Promise(() => {}) : Promise.resolve({ node: rate, pods: [] });
  });
  const reading = usage.ofNodes(['slow', 'broken', 'fine']);
  const alsoReading = usage.ofNodes(['slow']);
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked.filter((node) => node === 'slow')).toHaveLength(1);
  clock.fire();
  expect(await reading).toEqual([undefined, undefined, rate]);
  expect(await alsoReading).toEqual([undefined]);
  answers = true;
  expect(await usage.ofNodes(['slow'])).toEqual([rate]);
  expect(clock.waiting.size).toBe(0);
});

test('a thousand nodes are not asked all at once', async () => {
  let open = 0;
  let most = 0;
  const usage = new Usage(timers(), async () => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve));
    open--;
    return { node: rate, pods: [] };
  });
  const found = await usage.ofNodes(Array.from({ length: 1000 }, (_, i) => String(i)));
  expect(found.every((one) => one === rate)).toBe(true);
  expect(most).toBe(100);
});
