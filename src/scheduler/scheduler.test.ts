import { describe, expect, it } from 'vitest';
import type { Node, Pod, PodCondition } from '../generated/schemas/core-v1.ts';
import { nodes, pods } from '../generated/schemas/index.ts';
import { ApiError, errors, toStatus } from '../machinery/errors.ts';
import type { KubeObject } from '../machinery/meta.ts';
import type { Log } from '../ports/index.ts';
import type { Client, Feed, ObjectChange, Write } from '../reconcile/types.ts';
import { node, pod } from './fixtures.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The part of an API server that the scheduler talks to: nodes, pods, bindings, conditions, events. */
class World {
  nowMs = 1_767_225_600_000;
  log: ObjectChange[] = [];
  compacted = 0;
  /** Cursors of another life are of another ledger. */
  life = 'a';
  alarmMs: number | undefined;
  stored = new Map<string, KubeObject>();
  events: { reason: string; message: string; name: string }[] = [];
  writes = 0;
  /** What the next binding is answered with. */
  refuse: ApiError | 'silence' | undefined;
  beforeWrite: (() => void) | undefined;
  scheduler: Scheduler = this.start();

  start(): Scheduler {
    this.scheduler = createScheduler({
      clock: { now: () => this.nowMs },
      random: { uuid: () => '', int: () => 0, bytes: () => new Uint8Array() },
      log: quiet,
      client: this.client,
      feed: this.feed,
      alarm: {
        set: (atMs) => {
          this.alarmMs = atMs;
        },
      },
    });
    return this.scheduler;
  }

  put(object: Pod | Node): void {
    const revision = this.log.length + 1;
    const resource = object.kind === 'Node' ? nodes : pods;
    const kept = { ...object, metadata: { ...object.metadata, resourceVersion: `${revision}` } };
    this.log.push({ type: 'put', resource, revision, object: kept });
    this.stored.set(`${resource.plural}/${object.metadata.name}`, kept);
  }

  remove(plural: 'pods' | 'nodes', name: string): void {
    const object = this.stored.get(`${plural}/${name}`)!;
    this.stored.delete(`${plural}/${name}`);
    this.log.push({
      type: 'delete',
      resource: plural === 'pods' ? pods : nodes,
      revision: this.log.length + 1,
      object,
    });
  }

  pod(name: string): Pod {
    return this.stored.get(`pods/${name}`) as Pod;
  }

  /** Pokes until the scheduler has heard of what it did itself. */
  async settle(): Promise<void> {
    for (let before = -1; before !== this.log.length; ) {
      before = this.log.length;
      await this.scheduler.poke(this.log.length);
    }
  }

  where(): Record<string, string | undefined> {
    const all = [...this.stored.values()].filter((object) => object.kind === 'Pod') as Pod[];
    return Object.fromEntries(all.map((object) => [object.metadata.name, object.spec?.nodeName]));
  }

  condition(name: string): PodCondition | undefined {
    return this.pod(name).status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  }

  get feed(): Feed {
    return {
      changes: async (after, _resources, limit, of) => {
        const current = this.log.length;
        const { life } = this;
        if (after < this.compacted || (of !== undefined && of !== life))
          return { changes: [], through: after, reset: true, current, life };
        const changes = this.log.slice(after, after + limit);
        return { changes, through: after + changes.length, reset: false, current, life };
      },
    };
  }

  get client(): Client {
    return {
      get: async () => undefined,
      list: async (resource: { plural: string }) =>
        [...this.stored].filter(([key]) => key.startsWith(`${resource.plural}/`)).map(([, object]) => object),
      write: async (writes: readonly Write[]) => {
        this.beforeWrite?.();
        if (this.refuse === 'silence') throw new Error('no answer');
        return writes.map((write) => {
          try {
            return { ok: true, object: this.write(write) };
          } catch (error) {
            return { ok: false, status: toStatus(error as ApiError) };
          }
        });
      },
    } as unknown as Client;
  }

  write(write: Write): KubeObject {
    if (write.verb === 'create' && write.resource.plural === 'events') {
      const { reason, message, metadata } = write.object as never as World['events'][0] & KubeObject;
      this.events.push({ reason, message, name: metadata.name });
      return write.object as KubeObject;
    }
    this.writes++;
    if (write.verb === 'create' && write.subresource === 'binding') {
      if (this.refuse instanceof ApiError) throw this.refuse;
      const target = this.stored.get(`pods/${write.name}`) as Pod | undefined;
      if (!target) throw errors.notFound(pods, write.name!);
      if (target.spec?.nodeName) throw errors.conflict(pods, write.name!, 'pod is already assigned to node');
      const nodeName = (write.object as { target: { name: string } }).target.name;
      this.put({ ...target, spec: { ...target.spec!, nodeName } });
      return write.object as KubeObject;
    }
    if (write.verb === 'patch' && write.subresource === 'status') {
      const { status } = write.patch as { status: Pod['status'] };
      this.put({ ...this.pod(write.name), status: { ...this.pod(write.name).status, ...status } });
      return this.pod(write.name);
    }
    throw new Error(`unexpected ${JSON.stringify(write)}`);
  }
}

const reasons = (world: World): string[] => world.events.map((event) => event.reason);

describe('scheduler', () => {
  it('binds a pod, says so, and writes nothing else', async () => {
    const world = new World();
    world.put(node('a'));
    world.put(pod('p'));
    await world.settle();
    expect(world.where()).toEqual({ p: 'a' });
    expect(world.events).toMatchObject([{ reason: 'Scheduled', message: 'Successfully assigned default/p to a' }]);
    expect([world.writes, world.alarmMs]).toEqual([1, undefined]);
    world.put(pod('q'));
    await world.settle();
    expect(world.where()).toEqual({ p: 'a', q: 'a' });
  });

  it('says why a pod fits nowhere, once, and places it when a node has room', async () => {
    const world = new World();
    world.put(node('a', { cpu: '1' }));
    world.put(pod('p', { requests: { cpu: '2' } }));
    await world.settle();
    expect(world.condition('p')).toMatchObject({ status: 'False', reason: 'Unschedulable', observedGeneration: 1 });
    expect(world.condition('p')?.message).toMatch(/^0\/1 nodes are available: 1 Insufficient cpu\. /);
    expect(reasons(world)).toEqual(['FailedScheduling']);
    world.put(node('a', { cpu: '1', labels: { x: 'y' } }));
    await world.settle();
    expect([world.writes, world.alarmMs]).toEqual([1, undefined]);
    world.put(node('b'));
    await world.settle();
    expect(world.where()).toEqual({ p: 'b' });
    expect(reasons(world)).toEqual(['FailedScheduling', 'Scheduled']);
  });

  it('waits for a first node', async () => {
    const world = new World();
    world.put(pod('p'));
    await world.settle();
    expect(world.condition('p')?.message).toBe('no nodes available to schedule pods');
    world.put(node('a'));
    await world.settle();
    expect(world.where()).toEqual({ p: 'a' });
  });

  it.each([
    ['is deleted', (world: World) => world.remove('pods', 'x')],
    ['ends', (world: World) => world.put({ ...world.pod('x'), status: { phase: 'Succeeded' } })],
  ])('places a waiting pod when another one %s', async (_title, leave) => {
    const world = new World();
    world.put(node('a', { cpu: '1' }));
    world.put(pod('x', { requests: { cpu: '1' } }));
    await world.settle();
    world.put(pod('p', { requests: { cpu: '1' } }));
    await world.settle();
    expect(world.where()).toEqual({ x: 'a', p: undefined });
    leave(world);
    await world.settle();
    expect(world.where().p).toBe('a');
  });

  it('places a pod that waits for another one to be near, or away', async () => {
    const world = new World();
    const term = { labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'zone' };
    world.put(node('a', { labels: { zone: '1' }, cpu: '1' }));
    world.put(node('b', { labels: { zone: '1' } }));
    const near = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
    const away = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
    world.put(pod('near', { spec: { affinity: near } }));
    await world.settle();
    world.put(pod('db', { labels: { app: 'db' }, requests: { cpu: '1' }, spec: { nodeName: 'a' } }));
    await world.settle();
    expect(world.where().near).toBeDefined();
    world.put(pod('away', { requests: { cpu: '2' }, spec: { affinity: away } }));
    await world.settle();
    expect(world.condition('away')?.message).toMatch("1 node(s) didn't match pod anti-affinity rules");
    world.remove('pods', 'db');
    await world.settle();
    expect(world.where().away).toBe('b');
  });

  it('goes by priority, then by age', async () => {
    const world = new World();
    const requests = { cpu: '1' };
    world.put(pod('young', { requests, created: '2026-01-01T00:00:02Z' }));
    world.put(pod('old', { requests, created: '2026-01-01T00:00:01Z' }));
    world.put(pod('urgent', { requests, created: '2026-01-01T00:00:03Z', spec: { priority: 10 } }));
    world.put(node('a', { cpu: '2' }));
    await world.settle();
    expect(world.where()).toEqual({ young: undefined, old: 'a', urgent: 'a' });
  });

  it('counts pods as soon as they are planned', async () => {
    const world = new World();
    world.put(node('a', { cpu: '1' }));
    world.put(node('b', { cpu: '1' }));
    for (const name of ['p', 'q', 'r']) world.put(pod(name, { requests: { cpu: '1' } }));
    await world.settle();
    expect(Object.values(world.where()).sort()).toEqual(['a', 'b', undefined]);
  });

  it('leaves gated, foreign and terminating pods alone', async () => {
    const world = new World();
    world.put(node('a'));
    world.put(pod('gated', { spec: { schedulingGates: [{ name: 'g' }] } }));
    world.put(pod('foreign', { spec: { schedulerName: 'mine' } }));
    const leaving = pod('leaving');
    world.put({ ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    await world.settle();
    expect([world.writes, world.events]).toEqual([0, []]);
    const open = pod('gated');
    world.put({ ...open, metadata: { ...open.metadata, generation: 2 } });
    await world.settle();
    expect(world.where().gated).toBe('a');
  });

  it('plans a refused pod again when its spec changes', async () => {
    const world = new World();
    world.put(node('a', { taints: [{ key: 'k', effect: 'NoSchedule' }] }));
    world.put(pod('p'));
    await world.settle();
    const changed = pod('p', { spec: { tolerations: [{ operator: 'Exists' }] } });
    world.put({ ...changed, metadata: { ...changed.metadata, generation: 2 } });
    await world.settle();
    expect(world.where().p).toBe('a');
  });

  it.each(['silence', errors.unavailable('later')] as const)(
    'backs off from 1 s to 10 s when binding fails (%s)',
    async (refuse) => {
      const world = new World();
      world.put(node('a'));
      world.put(pod('p'));
      world.refuse = refuse;
      await world.settle();
      const waits: number[] = [];
      for (let i = 0; i < 6; i++) {
        waits.push(world.alarmMs! - world.nowMs);
        world.nowMs = world.alarmMs!;
        world.alarmMs = undefined;
        if (i === 5) world.refuse = undefined;
        await world.scheduler.alarm();
      }
      expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
      await world.settle();
      expect([world.where(), world.alarmMs]).toEqual([{ p: 'a' }, undefined]);
    },
  );

  it('gives the room back when the pod has gone before it was bound', async () => {
    const world = new World();
    world.put(node('a', { cpu: '1' }));
    world.put(pod('p', { requests: { cpu: '1' } }));
    world.beforeWrite = () => {
      world.beforeWrite = undefined;
      world.remove('pods', 'p');
    };
    await world.settle();
    world.put(pod('q', { requests: { cpu: '1' } }));
    await world.settle();
    expect(world.where()).toEqual({ q: 'a' });
    expect(world.alarmMs).toBeUndefined();
  });

  it('begins afresh after a restart or compaction', async () => {
    const world = new World();
    world.put(node('a', { cpu: '1' }));
    world.put(pod('p', { requests: { cpu: '1' } }));
    await world.settle();
    world.put(pod('q', { requests: { cpu: '1' } }));
    world.start();
    await world.settle();
    expect(world.where()).toEqual({ p: 'a', q: undefined });
    world.remove('pods', 'p');
    world.put(node('b', { labels: { later: 'yes' } }));
    world.compacted = world.log.length - 1;
    await world.settle();
    expect(world.where().q).toBeDefined();
  });

  it('begins afresh from an older copy of the ledger that has grown past its cursor', async () => {
    const world = new World();
    world.put(node('a', { cpu: '1' }));
    world.put(pod('p', { requests: { cpu: '1' } }));
    await world.settle();
    expect(world.where()).toEqual({ p: 'a' });
    // In the copy there was neither; what it has instead lies below the cursor.
    const { length } = world.log;
    world.log.length = 0;
    world.stored.clear();
    world.life = 'b';
    world.put(node('b', { cpu: '1' }));
    while (world.log.length < length) world.put(node('c', { cpu: '100m' }));
    world.put(pod('q', { requests: { cpu: '1' } }));
    await world.settle();
    expect(world.where()).toEqual({ q: 'b' });
  });

  it('keeps up with many pods on many nodes', async () => {
    const world = new World();
    for (let i = 0; i < 200; i++) world.put(node(`n${i}`));
    await world.settle();
    const start = performance.now();
    for (let i = 0; i < 1000; i++) world.put(pod(`p${i}`, { owner: `rs${i % 10}`, requests: { cpu: '100m' } }));
    await world.settle();
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(Object.values(world.where()).every((name) => name !== undefined)).toBe(true);
  });
});
