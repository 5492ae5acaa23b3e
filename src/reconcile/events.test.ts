import { expect, it } from 'vitest';
import { errors, toStatus } from '../machinery/errors.ts';
import type { KubeObject } from '../machinery/meta.ts';
import type { Log } from '../ports/index.ts';
import { Recorder } from './events.ts';
import type { Client, Write } from './types.ts';

const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Events as an API server would keep them. */
class Store {
  nowMs = Date.UTC(2026, 0, 1);
  broken = false;
  readonly stored = new Map<string, KubeObject & Record<string, unknown>>();

  readonly client = {
    get: async (_resource: unknown, _namespace: string, name: string) => this.stored.get(name),
    write: async (writes: readonly Write[]) => {
      if (this.broken) throw new Error('no answer');
      return writes.map((write) => {
        const name = write.verb === 'patch' ? write.name : (write as { object: KubeObject }).object.metadata.name;
        const old = this.stored.get(name);
        if (write.verb === 'patch' && !old)
          return { ok: false, status: toStatus(errors.notFound(write.resource, name)) };
        if (write.verb === 'create' && old)
          return { ok: false, status: toStatus(errors.alreadyExists(write.resource, name)) };
        const object =
          write.verb === 'patch' ? { ...old, ...(write.patch as object) } : (write as { object: object }).object;
        this.stored.set(name, object as never);
        return { ok: true, object };
      });
    },
  } as unknown as Client;

  recorder(): Recorder {
    return new Recorder({ client: this.client, clock: { now: () => this.nowMs }, log, component: 'test' });
  }

  only(): Record<string, unknown> {
    expect(this.stored.size).toBe(1);
    return [...this.stored.values()][0]!;
  }
}

const object = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'd', uid: `uid-${name}`, resourceVersion: '7', creationTimestamp: '' },
});

it('writes an event as upstream shapes it', async () => {
  const store = new Store();
  const recorder = store.recorder();
  recorder.record(object('a'), 'Normal', 'Started', 'it runs');
  await recorder.flush();
  expect(store.only()).toEqual({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: expect.stringMatching(/^a\.[0-9a-f]{16}$/), namespace: 'd' },
    involvedObject: { kind: 'Pod', namespace: 'd', name: 'a', uid: 'uid-a', apiVersion: 'v1', resourceVersion: '7' },
    type: 'Normal',
    reason: 'Started',
    message: 'it runs',
    source: { component: 'test' },
    reportingComponent: 'test',
    reportingInstance: '',
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    count: 1,
  });
});

it('counts repetitions: while unwritten, later, and by another recorder', async () => {
  const store = new Store();
  const recorder = store.recorder();
  const again = (by: Recorder): void => by.record(object('a'), 'Warning', 'Failed', 'no');
  again(recorder);
  again(recorder);
  await recorder.flush();
  store.nowMs += 60_000;
  again(recorder);
  await recorder.flush();
  const other = store.recorder();
  again(other);
  await other.flush();
  expect(store.only()).toMatchObject({
    count: 4,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:01:00Z',
  });
});

it('begins anew when the event has expired', async () => {
  const store = new Store();
  const recorder = store.recorder();
  recorder.record(object('a'), 'Warning', 'Failed', 'no');
  await recorder.flush();
  store.stored.clear();
  recorder.record(object('a'), 'Warning', 'Failed', 'no');
  await recorder.flush();
  expect(store.only()).toMatchObject({ count: 1 });
});

it('never fails, and holds floods back per object', async () => {
  const store = new Store();
  const recorder = store.recorder();
  store.broken = true;
  recorder.record(object('lost'), 'Warning', 'Failed', 'no');
  await recorder.flush();
  store.broken = false;
  for (let i = 0; i < 40; i++) recorder.record(object('a'), 'Warning', 'Failed', `no ${i}`);
  await recorder.flush();
  expect(store.stored.size).toBe(25);
  store.nowMs += 10 * 60_000;
  for (let i = 0; i < 40; i++) recorder.record(object('a'), 'Warning', 'Failed', `still no ${i}`);
  await recorder.flush();
  expect(store.stored.size).toBe(27);
});

it('keeps names within what the API takes', async () => {
  const store = new Store();
  const recorder = store.recorder();
  recorder.record(object('x'.repeat(253)), 'Normal', 'Started', 'it runs');
  await recorder.flush();
  expect((store.only().metadata as { name: string }).name).toHaveLength(253);
});
