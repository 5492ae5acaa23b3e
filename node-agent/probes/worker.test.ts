import { expect, test } from 'vitest';
import { FakeTimers } from '../testing/timers.ts';
import type { ProbeResult } from './probe.ts';
import { type ProbeKind, ProbeWorker } from './worker.ts';

function probe(kind: ProbeKind, settings: object, outcomes: ProbeResult['outcome'][]) {
  const timers = new FakeTimers();
  const startMs = timers.now();
  const trace: string[] = [];
  const counted: ProbeResult['outcome'][] = [];
  let enabled = true;
  const at = (): string => `${(timers.now() - startMs) / 1000}s`;
  const worker = new ProbeWorker({
    kind,
    probe: settings,
    startedAtMs: startMs,
    timers,
    run: async () => {
      trace.push(`${at()} run`);
      return { outcome: outcomes.shift() ?? 'success', output: 'o' };
    },
    enabled: () => enabled,
    verdict: (ok) => trace.push(`${at()} ${ok ? 'ok' : 'failed'}`),
    failed: () => trace.push(`${at()} unhealthy`),
    ran: (outcome) => counted.push(outcome),
  });
  return { timers, trace, counted, worker, rest: (yes: boolean) => (enabled = !yes) };
}

test('liveness: after initialDelaySeconds, every periodSeconds, until failureThreshold in a row', async () => {
  const p = probe('liveness', { initialDelaySeconds: 5, periodSeconds: 10, failureThreshold: 2 }, [
    'failure',
    'success',
    'failure',
    'failure',
  ]);
  await p.timers.advance(60_000);
  expect(p.trace).toEqual([
    '5s run',
    '5s unhealthy',
    '15s run',
    '15s ok',
    '25s run',
    '25s unhealthy',
    '35s run',
    '35s unhealthy',
    '35s failed',
  ]);
});

test('readiness: successThreshold, and on after a failure', async () => {
  const p = probe('readiness', { periodSeconds: 1, successThreshold: 2, failureThreshold: 1 }, [
    'success',
    'success',
    'failure',
    'success',
  ]);
  await p.timers.advance(4500);
  expect(p.trace).toEqual([
    '0s run',
    '1s run',
    '1s ok',
    '2s run',
    '2s unhealthy',
    '2s failed',
    '3s run',
    '4s run',
    '4s ok',
  ]);
});

test('what cannot be told is tried three times and counts as nothing', async () => {
  const p = probe('liveness', { periodSeconds: 1, failureThreshold: 1 }, ['unknown', 'unknown', 'unknown', 'failure']);
  await p.timers.advance(1500);
  expect(p.trace).toEqual(['0s run', '0s run', '0s run', '1s run', '1s unhealthy', '1s failed']);
});

test('rests until the instance has started, then hurries', async () => {
  const p = probe('readiness', { periodSeconds: 10 }, []);
  p.rest(true);
  await p.timers.advance(3000);
  p.rest(false);
  p.worker.hurry();
  await p.timers.advance(0);
  expect(p.trace).toEqual(['3s run', '3s ok']);
});

test('every run is counted once, however often it was tried', async () => {
  const p = probe('readiness', { periodSeconds: 10 }, [
    'failure',
    'unknown',
    'unknown',
    'success',
    'unknown',
    'unknown',
    'unknown',
  ]);
  await p.timers.advance(25_000);
  expect(p.counted).toEqual(['failure', 'success', 'unknown']);
});
