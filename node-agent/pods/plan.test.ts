import { describe, expect, test } from 'vitest';
import { exited, now, pod, record, sandbox, seen } from '../testing/seen.ts';
import { nextBackoff, waitUntilMs } from './backoff.ts';
import { plan } from './plan.ts';
import type { Seen } from './seen.ts';
import { computeStatus } from './status.ts';

const keys = (s: Seen): string[] => plan(s).actions.map((a) => a.key);
const sidecar = { name: 'i1', image: 'i', restartPolicy: 'Always' };

describe('plan', () => {
  const rows: [string, Seen, string[]][] = [
    [
      'a new pod: volumes, sandbox and image side by side',
      seen({ sandboxes: [], volumesMounted: false, imagesReady: new Set() }),
      ['volumes', 'sandbox', 'image:a'],
    ],
    ['everything prepared: start', seen(), ['container:a']],
    ['not before the volumes', seen({ volumesMounted: false, busy: new Set(['volumes']) }), []],
    [
      'running, and what its files say has changed',
      seen({ containers: [record('a')], volumesStale: true }),
      ['volumes'],
    ],
    ['running: nothing', seen({ containers: [record('a')] }), []],
    ['busy keys are not planned again', seen({ busy: new Set(['container:a']) }), []],
    ['first restart at once', seen({ containers: [exited('a', 1)] }), ['container:a']],
    [
      'second restart waits',
      seen({
        containers: [exited('a', 1, { attempt: 1 })],
        backoffs: new Map([['a', { ms: 10_000, updatedAtMs: now - 1000 }]]),
      }),
      [],
    ],
    [
      'a created instance that nobody starts is removed first',
      seen({ containers: [record('a', { state: 'created' })] }),
      ['remove:a-0'],
    ],
    [
      'an unknown instance is killed, not doubled',
      seen({ containers: [record('a', { state: 'unknown' })] }),
      ['kill:a-0'],
    ],
    [
      'a failed liveness probe kills',
      seen({
        containers: [record('a')],
        memory: new Map([['a-0', { started: true, ready: true, failedProbe: 'liveness' as const }]]),
      }),
      ['kill:a-0'],
    ],
    [
      'a new sandbox is initialised again',
      seen({
        pod: pod({ initContainers: [{ name: 'i1', image: 'i' }] }),
        containers: [exited('i1', 0, { sandboxId: 'old' }), exited('a', 137, { sandboxId: 'old' })],
      }),
      ['container:i1'],
    ],
    [
      'a dead sandbox is replaced',
      seen({ sandboxes: [sandbox({ ready: false })], containers: [exited('a', 137)] }),
      ['sandbox'],
    ],
    [
      'a dead sandbox with a live container is stopped first',
      seen({ sandboxes: [sandbox({ ready: false })], containers: [record('a')] }),
      ['stop:s0'],
    ],
    [
      'init containers one after the other',
      seen({ pod: pod({ initContainers: [{ name: 'i1' }, { name: 'i2' }] }), containers: [exited('i1', 0)] }),
      ['container:i2'],
    ],
    [
      'a running init container holds back the rest',
      seen({ pod: pod({ initContainers: [{ name: 'i1' }] }), containers: [record('i1')] }),
      [],
    ],
    [
      'a sidecar that has not started holds back the rest',
      seen({
        pod: pod({ initContainers: [sidecar] }),
        containers: [record('i1')],
        memory: new Map([['i1-0', { started: false, ready: false }]]),
      }),
      [],
    ],
    [
      'a started sidecar lets them go',
      seen({ pod: pod({ initContainers: [sidecar] }), containers: [record('i1')] }),
      ['container:a'],
    ],
    [
      'containers start in order',
      seen({ pod: pod({ containers: [{ name: 'a' }, { name: 'b' }] }), busy: new Set(['container:a']) }),
      [],
    ],
    [
      'an earlier image that is being pulled holds back the later container',
      seen({
        pod: pod({ containers: [{ name: 'a' }, { name: 'b' }] }),
        imagesReady: new Set(['b']),
        busy: new Set(['image:a']),
      }),
      [],
    ],
    [
      'a job that succeeded stops its sandbox',
      seen({ pod: pod({ restartPolicy: 'OnFailure' }), containers: [exited('a', 0)] }),
      ['stop:s0'],
    ],
    [
      'a job that failed runs again',
      seen({ pod: pod({ restartPolicy: 'OnFailure' }), containers: [exited('a', 1)] }),
      ['container:a'],
    ],
    [
      'Never: given back when stopped',
      seen({
        pod: pod({ restartPolicy: 'Never' }),
        containers: [exited('a', 1)],
        sandboxes: [sandbox({ ready: false })],
      }),
      ['release'],
    ],
    [
      'deleted: containers first, sidecars last',
      seen({
        pod: pod({ initContainers: [sidecar] }),
        containers: [record('i1'), record('a')],
        termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' },
      }),
      ['kill:a-0'],
    ],
    [
      'then the sidecar',
      seen({
        pod: pod({ initContainers: [sidecar] }),
        containers: [record('i1'), exited('a', 0)],
        termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' },
      }),
      ['kill:i1-0'],
    ],
    [
      'deleted while starting: waits for the step',
      seen({ busy: new Set(['container:a']), termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' } }),
      [],
    ],
    [
      'in the end nothing is left',
      seen({ sandboxes: [], released: true, termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' } }),
      ['forget'],
    ],
    [
      'the third instance goes',
      seen({ containers: [record('a', { attempt: 2 }), exited('a', 1, { attempt: 1 }), exited('a', 1)] }),
      ['remove:a-0'],
    ],
    [
      'a changed image restarts',
      seen({ containers: [record('a', { annotations: { 'io.kubernetes.container.hash': 'other' } })] }),
      ['kill:a-0'],
    ],
    ['a step that failed waits for its time', seen({ sandboxes: [], retryAtMs: new Map([['sandbox', now + 5]]) }), []],
  ];
  test.each(rows)('%s', (_, s, expected) => {
    expect(keys(s)).toEqual(expected);
  });

  test('back-off: at once, then 10 s doubling to 5 min, forgotten after 10 min of running', () => {
    expect(waitUntilMs(undefined, now, now)).toBeUndefined();
    let b = nextBackoff(undefined, now, now);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      waits.push(waitUntilMs(b, now, now)! - now);
      b = nextBackoff(b, now, now);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    expect(waitUntilMs(b, now + 600_001, now + 600_001)).toBeUndefined();
  });
});

describe('status', () => {
  const context = { hostIp: '10.9.9.9', old: {}, runtimeName: 'containerd' };
  const phase = (s: Seen): string | undefined => computeStatus(s, context).phase;
  const rows: [string, Seen, string][] = [
    ['nothing yet', seen({ sandboxes: [] }), 'Pending'],
    ['running', seen({ containers: [record('a')] }), 'Running'],
    [
      'one of two',
      seen({ pod: pod({ containers: [{ name: 'a' }, { name: 'b' }] }), containers: [record('a')] }),
      'Pending',
    ],
    ['crashed, Always', seen({ containers: [exited('a', 1)] }), 'Running'],
    ['done, OnFailure', seen({ pod: pod({ restartPolicy: 'OnFailure' }), containers: [exited('a', 0)] }), 'Succeeded'],
    ['failed, Never', seen({ pod: pod({ restartPolicy: 'Never' }), containers: [exited('a', 2)] }), 'Failed'],
    [
      'failed init, Never',
      seen({ pod: pod({ restartPolicy: 'Never', initContainers: [{ name: 'i1' }] }), containers: [exited('i1', 2)] }),
      'Failed',
    ],
    ['initialising', seen({ pod: pod({ initContainers: [{ name: 'i1' }] }), containers: [record('i1')] }), 'Pending'],
    [
      'deleted and ended well',
      seen({ containers: [exited('a', 0)], termination: { graceSeconds: 1, sinceMs: now, why: 'deleted' } }),
      'Succeeded',
    ],
    [
      'deleted and killed',
      seen({ containers: [exited('a', 137)], termination: { graceSeconds: 1, sinceMs: now, why: 'deleted' } }),
      'Failed',
    ],
  ];
  test.each(rows)('phase: %s', (_, s, expected) => {
    expect(phase(s)).toBe(expected);
  });

  test('crash loop: waiting, with the end before it', () => {
    const status = computeStatus(
      seen({ containers: [exited('a', 1)], waiting: new Map([['a', { reason: 'CrashLoopBackOff', message: 'm' }]]) }),
      context,
    );
    expect(status.containerStatuses?.[0]).toMatchObject({
      ready: false,
      started: false,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'm' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
    expect(status.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [a]',
    });
  });

  test('transition times move only with the status', () => {
    const first = computeStatus(seen({ containers: [record('a')] }), context);
    const second = computeStatus(seen({ containers: [record('a')], nowMs: now + 60_000 }), { ...context, old: first });
    expect(second).toEqual(first);
  });

  test('while initialising, the others say PodInitializing', () => {
    const status = computeStatus(
      seen({ pod: pod({ initContainers: [{ name: 'i1' }] }), containers: [record('i1')] }),
      context,
    );
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    expect(status.conditions?.find((c) => c.type === 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [i1]',
    });
  });

  test('readiness gates', () => {
    const status = computeStatus(
      seen({ pod: pod({ readinessGates: [{ conditionType: 'x/y' }] }), containers: [record('a')] }),
      context,
    );
    expect(status.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
    });
    expect(status.conditions?.find((c) => c.type === 'ContainersReady')?.status).toBe('True');
  });
});
