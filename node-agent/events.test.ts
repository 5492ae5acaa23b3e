import { expect, test } from 'vitest';
import type { Event, Pod } from '../src/generated/schemas/core-v1.ts';
import { EventRecorder } from './events.ts';
import { systemRandom } from './platform.ts';
import { FakeTimers } from './testing/timers.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', uid: 'u' } } as Pod;

function recorder() {
  const sent: Event[] = [];
  const timers = new FakeTimers();
  return { sent, timers, r: new EventRecorder('n', timers, systemRandom, (e) => sent.push(e)) };
}

test('a repeated event keeps its name and counts', () => {
  const { sent, r } = recorder();
  for (let i = 0; i < 3; i++) r.pod(pod, undefined, 'Warning', 'BackOff', 'again');
  expect(sent.map((e) => [e.metadata.name === sent[0]?.metadata.name, e.count])).toEqual([
    [true, 1],
    [true, 2],
    [true, 3],
  ]);
});

test('events that differ only in their message are combined after ten, for ten minutes', async () => {
  const { sent, timers, r } = recorder();
  for (let i = 0; i < 12; i++) r.pod(pod, undefined, 'Warning', 'Unhealthy', `failed at ${i}`);
  expect(sent.slice(0, 10).every((e) => e.count === 1 && !e.message?.startsWith('('))).toBe(true);
  expect(sent.slice(10).map((e) => [e.message, e.count])).toEqual([
    ['(combined from similar events): failed at 10', 1],
    ['(combined from similar events): failed at 11', 2],
  ]);
  await timers.advance(601_000);
  r.pod(pod, undefined, 'Warning', 'Unhealthy', 'later');
  expect(sent.at(-1)).toMatchObject({ message: 'later', count: 1 });
});

test('a subject that says too much is cut short', () => {
  const { sent, r } = recorder();
  for (let i = 0; i < 40; i++) r.pod(pod, undefined, 'Normal', 'Same', 'same');
  expect(sent).toHaveLength(25);
});
