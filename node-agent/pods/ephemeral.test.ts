// Containers for debugging: what is planned for them, and what is said of them and, because of them, of nothing else.
import { describe, expect, test } from 'vitest';
import type { EphemeralContainer, Pod, PodSpec, PodStatus } from '../../src/generated/schemas/core-v1.ts';
import { referencesOf } from '../link/references.ts';
import { qosClass } from '../resources/pod-resources.ts';
import type { ContainerRecord } from '../runtime.ts';
import { exited, now, pod, record, sandbox, seen } from '../testing/seen.ts';
import { FakeTimers } from '../testing/timers.ts';
import { fieldPathOf, type Node, newState, type PodContext, seenOf, specOf } from './context.ts';
import { lose, recall } from './lost.ts';
import { plan } from './plan.ts';
import { namespaceOptions, sandboxConfig } from './sandbox-config.ts';
import type { Seen } from './seen.ts';
import { computeStatus } from './status.ts';

const debugged = (spec: Partial<PodSpec> = {}, ...containers: EphemeralContainer[]): Pod =>
  pod({ ephemeralContainers: containers.length > 0 ? containers : [{ name: 'd', image: 'busybox' }], ...spec });
const imagesReady = new Set(['a', 'd', 'i1']);
const view = (containers: ContainerRecord[], more: Partial<Seen> = {}): Seen =>
  seen({ pod: debugged(), containers, imagesReady, ...more });
const keys = (s: Seen): string[] => plan(s).actions.map((a) => a.key);
const statusOf = (s: Seen, old: PodStatus = {}): PodStatus =>
  computeStatus(s, { hostIp: '1.1.1.1', old, runtimeName: 'containerd' });

describe('what is planned', () => {
  const init = { name: 'i1', image: 'i' };
  const rows: [string, Seen, string[]][] = [
    ['it starts beside a container that runs', view([record('a')]), ['container:d']],
    ['its image first', view([record('a')], { imagesReady: new Set() }), ['image:d']],
    ['not without a sandbox', view([], { sandboxes: [] }), ['sandbox']],
    [
      'while the pod is being initialised',
      view([record('i1')], { pod: debugged({ initContainers: [init] }) }),
      ['container:d'],
    ],
    [
      'while its pod waits to be restarted',
      view([exited('a', 1)], { backoffs: new Map([['a', { ms: 10_000, updatedAtMs: now }]]) }),
      ['container:d'],
    ],
    ['it has started', view([record('a'), record('d')]), []],
    ['it ended, well or not: never again', view([record('a'), exited('d', 1)]), []],
    [
      'nor in a new sandbox',
      view([record('a', { sandboxId: 's1' }), exited('d', 0)], {
        sandboxes: [sandbox({ id: 's1', attempt: 1 }), sandbox({ ready: false })],
      }),
      [],
    ],
    ['it was made and never started: anew', view([record('a'), record('d', { state: 'created' })]), ['remove:d-0']],
    ['others do not wait for it', view([], { busy: new Set(['container:d']) }), ['container:a']],
    [
      'it ends with its pod',
      view([record('a'), record('d')], { termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' } }),
      ['kill:a-0', 'kill:d-0'],
    ],
    [
      'whose sidecars do not wait for a shell that hears no signal',
      view([record('i1'), exited('a', 0), record('d')], {
        pod: debugged({ initContainers: [{ ...init, restartPolicy: 'Always' }] }),
        termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' },
      }),
      ['kill:d-0', 'kill:i1-0'],
    ],
    [
      'and do for all others',
      view([record('i1'), record('a'), record('d')], {
        pod: debugged({ initContainers: [{ ...init, restartPolicy: 'Always' }] }),
        termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' },
      }),
      ['kill:a-0', 'kill:d-0'],
    ],
    [
      'and does not keep it: when all else has ended, so has the pod',
      view([exited('a', 0), record('d')], { pod: debugged({ restartPolicy: 'Never' }) }),
      ['kill:d-0'],
    ],
    [
      'nothing is added to a pod that has ended',
      view([exited('a', 0)], { pod: debugged({ restartPolicy: 'Never' }) }),
      ['stop:s0'],
    ],
  ];
  test.each(rows)('%s', (_, s, expected) => expect(keys(s)).toEqual(expected));
});

describe('what is said', () => {
  test('its own status has everything; the pod is as it was', () => {
    const without = statusOf(seen({ containers: [record('a')] }));
    const { ephemeralContainerStatuses, ...rest } = statusOf(view([record('a'), record('d')]));
    expect(rest).toEqual(without);
    expect(ephemeralContainerStatuses).toEqual([
      {
        name: 'd',
        state: { running: { startedAt: '2023-11-14T22:13:20Z' } },
        lastState: {},
        ready: false,
        restartCount: 0,
        image: 'i',
        imageID: 'sha256:x',
        containerID: 'containerd://d-0',
        resources: {},
      },
    ]);
    const ended = statusOf(view([record('a'), exited('d', 3)]));
    expect(ended.ephemeralContainerStatuses?.[0]?.state).toMatchObject({
      terminated: { exitCode: 3, reason: 'Error' },
    });
    expect(ended).toMatchObject({ phase: 'Running', conditions: without.conditions });
  });

  test('before it starts it waits, for what held it up last', () => {
    const waitingOf = (s: Seen) => statusOf(s).ephemeralContainerStatuses?.[0]?.state?.waiting;
    expect(waitingOf(view([record('a')]))).toEqual({ reason: 'ContainerCreating' });
    const initContainers = [{ name: 'i1', image: 'i' }];
    expect(waitingOf(view([record('a')], { pod: debugged({ initContainers }) }))).toEqual({
      reason: 'PodInitializing',
    });
    const why = { reason: 'ImagePullBackOff', message: 'Back-off' };
    expect(waitingOf(view([record('a')], { waiting: new Map([['d', why]]) }))).toEqual(why);
  });

  test('one that could not be started says why for a second, and has ended then: nobody waits for a next attempt', () => {
    const failed = exited('d', 128, { reason: 'StartError', message: 'no such file' });
    const at = (nowMs: number, more: Partial<Seen> = {}) => view([record('a'), failed], { nowMs, ...more });
    const shown = (s: Seen) => statusOf(s).ephemeralContainerStatuses?.[0];
    const ended = {
      state: { terminated: { exitCode: 128, reason: 'StartError', message: 'no such file' } },
      lastState: {},
    };
    expect(shown(at(now + 999))).toMatchObject({
      state: { waiting: { reason: 'RunContainerError', message: 'no such file' } },
      lastState: {},
    });
    expect(plan(at(now + 999)).wakeAtMs).toBe(now + 1000);
    expect(shown(at(now + 1000))).toMatchObject(ended);
    expect(plan(at(now + 1000)).wakeAtMs).toBeUndefined();
    expect(shown(at(now, { termination: { graceSeconds: 5, sinceMs: now, why: 'deleted' } }))).toMatchObject(ended);
    for (const nowMs of [now, now + 1000]) expect(keys(at(nowMs))).toEqual([]);
    // A clock that was set back does not hold it up.
    expect(shown(at(now - 60_000))).toMatchObject(ended);
  });

  test('by name, whatever the order in which they came', () => {
    const s = view([record('a')], { pod: debugged({}, { name: 'z', image: 'i' }, { name: 'd', image: 'i' }) });
    expect(statusOf(s).ephemeralContainerStatuses?.map((c) => c.name)).toEqual(['d', 'z']);
    const reversed = [{ name: 'z' }, { name: 'a' }];
    expect(statusOf(view([], { pod: debugged({ containers: reversed }) })).containerStatuses?.[0]?.name).toBe('a');
  });

  test('they count for no class of service', () => {
    const resources = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } };
    expect(qosClass(debugged({ containers: [{ name: 'a', image: 'i', resources }] }))).toBe('Guaranteed');
  });
});

describe('what an agent that comes later believes', () => {
  const running: PodStatus = statusOf(view([record('a'), record('d')]));
  const context = (): PodContext => {
    const c: PodContext = {
      state: newState({ ...debugged(), status: running }),
      node: { timers: new FakeTimers() } as unknown as Node,
    };
    c.state.volumesMounted = true;
    c.state.sandboxes = [sandbox({ id: 's1', attempt: 1 })];
    for (const name of imagesReady) c.state.images.set(name, {} as never);
    return c;
  };

  test('after a restart of the machine it has ended, and is not started again', () => {
    const c = context();
    recall(c);
    expect(keys(seenOf(c))).toEqual(['container:a']);
    expect(statusOf(seenOf(c), running).ephemeralContainerStatuses?.[0]?.state).toMatchObject({
      terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' },
    });
  });

  test('nor one that somebody removed from the runtime', () => {
    const c = context();
    for (const r of [record('a', { sandboxId: 's1' }), record('d', { sandboxId: 's1' })])
      c.state.containers.set(r.id, r);
    lose(c, 'd-0');
    expect(keys(seenOf(c))).toEqual([]);
  });
});

describe('how it runs', () => {
  const settings = {
    clusterDomain: 'cluster.local',
    dnsAddress: '10.96.0.10',
    logDirectory: '',
    cgroupParent: '',
    hostDns: { servers: [], searches: [], options: [] },
    hostName: 'n',
    seccompDirectory: '',
  };

  test('with the processes of its target, whatever the pod shares', () => {
    expect(namespaceOptions(pod({ shareProcessNamespace: true }), 'a-0')).toEqual({
      network: 'POD',
      pid: 'TARGET',
      ipc: 'POD',
      target_id: 'a-0',
    });
    expect(namespaceOptions(pod())).toEqual({ network: 'POD', pid: 'CONTAINER', ipc: 'POD' });
  });

  test('privileged, in a pod that was not', () => {
    const privilegedOf = (p: Pod) => sandboxConfig(p, 0, settings).linux.security_context.privileged;
    expect(privilegedOf(debugged())).toBe(false);
    expect(privilegedOf(debugged({}, { name: 'd', image: 'i', securityContext: { privileged: true } }))).toBe(true);
  });

  test('it is found by its name, and events name it', () => {
    expect(specOf(debugged(), 'd')?.image).toBe('busybox');
    expect(['a', 'd'].map((name) => fieldPathOf(debugged(), name))).toEqual([
      'spec.containers{a}',
      'spec.ephemeralContainers{d}',
    ]);
  });

  test('what only it refers to is kept up', () => {
    const env = [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }];
    const p = debugged({}, { name: 'd', image: 'i', env, envFrom: [{ configMapRef: { name: 'c' } }] });
    expect([...referencesOf(p)]).toEqual(['secrets/d/s', 'configmaps/d/c']);
  });
});
