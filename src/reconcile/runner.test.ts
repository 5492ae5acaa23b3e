import { describe, expect, it } from 'vitest';
import { openSql, type TestSql } from '../../test/harness/sql.ts';
import { errors, toStatus } from '../machinery/errors.ts';
import type { KubeObject, ResourceToken } from '../machinery/meta.ts';
import { defaultClusterConfig, type Log } from '../ports/index.ts';
import { createRunner, type Runner } from './runner.ts';
import {
  type Client,
  type Controller,
  type Feed,
  type ObjectChange,
  type Result,
  source,
  type Write,
} from './types.ts';

const configMaps: ResourceToken = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A ledger's worth of changes to config maps, in memory, with a hand-driven clock and alarm. */
class World {
  nowMs = 1_000_000;
  log: ObjectChange[] = [];
  compacted = 0;
  /** Cursors of another life are of another ledger. */
  life = 'a';
  alarmMs: number | undefined;
  alarmsSet = 0;
  feedReads = 0;
  feedBroken = false;
  writes: Write[] = [];
  stored = new Map<string, KubeObject & Record<string, unknown>>();
  sql: TestSql = openSql();

  put(name: string): number {
    const revision = this.log.length + 1;
    const metadata = { name, namespace: 'd', uid: name, resourceVersion: `${revision}`, creationTimestamp: '' };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    this.log.push({ type: 'put', resource: configMaps, revision, object });
    return revision;
  }

  readonly feed: Feed = {
    changes: async (after, _resources, limit, of) => {
      this.feedReads++;
      if (this.feedBroken) throw new Error('unreachable');
      const current = this.log.length;
      const { life } = this;
      if (after < this.compacted || (of !== undefined && of !== life))
        return { changes: [], through: after, reset: true, current, life };
      const changes = this.log.slice(after, after + limit);
      return { changes, through: after + changes.length, reset: false, current, life };
    },
  };

  readonly client = {
    get: async (_resource: unknown, _namespace: string, name: string) => this.stored.get(name),
    list: async () => this.log.map((change) => change.object),
    write: async (writes: readonly Write[]) =>
      writes.map((write) => {
        this.writes.push(write);
        if (write.verb === 'create') {
          const object = write.object as KubeObject & Record<string, unknown>;
          const { name } = object.metadata;
          if (this.stored.has(name)) return { ok: false, status: toStatus(errors.alreadyExists(write.resource, name)) };
          this.stored.set(name, object);
          return { ok: true, object };
        }
        if (write.verb !== 'patch') throw new Error('unexpected');
        if (!this.stored.has(write.name))
          return { ok: false, status: toStatus(errors.notFound(write.resource, write.name)) };
        const object = { ...this.stored.get(write.name)!, ...(write.patch as object) };
        this.stored.set(write.name, object);
        return { ok: true, object };
      }),
  } as unknown as Client;

  runner(controllers: Controller[], options: { concurrencyMax?: number; stretchMs?: number } = {}): Runner {
    return createRunner({
      sql: this.sql,
      clock: { now: () => this.nowMs },
      random: { uuid: () => '', int: () => 0, bytes: () => new Uint8Array() },
      config: defaultClusterConfig,
      log: quiet,
      client: this.client,
      feed: this.feed,
      controllers,
      alarm: {
        set: (atMs) => {
          this.alarmsSet++;
          this.alarmMs = atMs;
        },
      },
      ...options,
    });
  }

  /** Advances to the alarm and lets it fire. */
  async fire(runner: Runner): Promise<number> {
    expect(this.alarmMs).toBeDefined();
    const waited = Math.max(0, this.alarmMs! - this.nowMs);
    this.nowMs += waited;
    this.alarmMs = undefined;
    await runner.alarm();
    return waited;
  }

  rows(): { key: string; due: number; failures: number }[] {
    return this.sql.exec('SELECT key, due, failures FROM reconcile_queue ORDER BY key');
  }
}

function controller(reconcile: (key: string) => Promise<Result> | Result): Controller & { seen: string[] } {
  const seen: string[] = [];
  return {
    name: 'test',
    seen,
    sources: [source(configMaps, (change) => [change.object.metadata.name])],
    reconcile: async (key) => {
      seen.push(key);
      return reconcile(key);
    },
  };
}

describe('runner', () => {
  it('reconciles what has changed, once per key, and writes only the cursor', async () => {
    const world = new World();
    const test = controller(() => ({}));
    const runner = world.runner([test]);
    for (const name of ['a', 'b', 'a']) world.put(name);
    const before = world.sql.rowsWritten();
    expect(await runner.poke(3)).toEqual({ cursor: 3 });
    expect(test.seen).toEqual(['a', 'b']);
    // Once for each life of the ledger another row names it.
    expect(world.sql.rowsWritten() - before).toBe(2);
    expect([world.alarmMs, world.rows()]).toEqual([undefined, []]);
    expect(await runner.poke(3)).toEqual({ cursor: 3 });
    expect([test.seen.length, world.feedReads]).toEqual([2, 1]);
  });

  it('goes on after a restart from where it was', async () => {
    const world = new World();
    const test = controller(() => ({}));
    world.put('a');
    await world.runner([test]).poke(1);
    world.put('b');
    await world.runner([test]).poke(2);
    expect(test.seen).toEqual(['a', 'b']);
  });

  it('forgets no work when it dies in the middle', async () => {
    const world = new World();
    world.put('a');
    world.put('b');
    const stuck = controller((key) => (key === 'a' ? new Promise<Result>(() => {}) : {}));
    void world.runner([stuck]).poke(2);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stuck.seen).toEqual(['a', 'b']);
    const test = controller(() => ({}));
    expect(await world.runner([test]).poke(2)).toEqual({ cursor: 2 });
    expect(test.seen).toEqual(['a', 'b']);
  });

  it('backs off per key, durably, and forgets the failures after a success', async () => {
    const world = new World();
    let broken = true;
    const test = controller((key) => {
      if (key === 'a' && broken) throw new Error('no');
      return {};
    });
    let runner = world.runner([test]);
    world.put('a');
    world.put('b');
    expect(await runner.poke(2)).toEqual({ cursor: 2 });
    const waits = [];
    for (let i = 0; i < 6; i++) {
      waits.push(await world.fire(runner));
      if (i === 2) runner = world.runner([test]);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160]);
    broken = false;
    await world.fire(runner);
    expect([world.rows(), world.alarmMs]).toEqual([[], undefined]);
    expect(test.seen.filter((key) => key === 'b')).toEqual(['b']);
    broken = true;
    world.put('a');
    await runner.poke(3);
    expect(world.rows()).toEqual([{ key: 'a', due: world.nowMs + 5, failures: 1 }]);
  });

  it('caps the backoff at 1,000 s', async () => {
    const world = new World();
    const runner = world.runner([
      controller(() => {
        throw new Error('no');
      }),
    ]);
    world.put('a');
    await runner.poke(1);
    let waited = 0;
    for (let i = 0; i < 25; i++) waited = await world.fire(runner);
    expect(waited).toBe(1_000_000);
  });

  it('keeps deadlines, arms the alarm for the earliest and replaces a deadline by the next word', async () => {
    const world = new World();
    const after: Record<string, number | undefined> = { a: 5000, b: 3000 };
    const test = controller((key) => ({ requeueAfterMs: after[key] }));
    let runner = world.runner([test]);
    world.put('a');
    world.put('b');
    await runner.poke(2);
    expect(world.alarmMs).toBe(world.nowMs + 3000);
    after.b = undefined;
    world.put('b');
    await runner.poke(3);
    expect(world.alarmMs).toBe(world.nowMs + 5000);
    runner = world.runner([test]);
    after.a = undefined;
    expect(await world.fire(runner)).toBe(5000);
    expect(test.seen).toEqual(['a', 'b', 'b', 'a']);
    expect([world.alarmMs, world.rows()]).toEqual([undefined, []]);
  });

  it('never arms the alarm for the time at which the running one was due', async () => {
    const world = new World();
    const test = controller(() => ({ requeueAfterMs: 1000 }));
    const runner = world.runner([test]);
    world.put('a');
    await runner.poke(1);
    const due = world.alarmMs!;
    // The runtime fires a little early.
    world.nowMs = due - 3;
    world.alarmMs = undefined;
    await runner.alarm();
    expect(test.seen).toEqual(['a']);
    expect(world.alarmMs).toBe(due + 1);
  });

  it('runs keys side by side but never the same key twice at once; asked for meanwhile, it runs again', async () => {
    const world = new World();
    const running = new Set<string>();
    let most = 0;
    const open: (() => void)[] = [];
    const test = controller(async (key) => {
      expect(running.has(key)).toBe(false);
      running.add(key);
      most = Math.max(most, running.size);
      await new Promise<void>((resolve) => open.push(resolve));
      running.delete(key);
      return {};
    });
    const runner = world.runner([test], { concurrencyMax: 2 });
    for (const name of ['a', 'b', 'c']) world.put(name);
    const first = runner.poke(3);
    await new Promise((resolve) => setTimeout(resolve, 1));
    world.put('a');
    const second = runner.poke(4);
    while (running.size > 0 || open.length > 0) {
      open.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await Promise.all([first, second])).toEqual([{ cursor: 4 }, { cursor: 4 }]);
    expect(test.seen).toEqual(['a', 'b', 'c', 'a']);
    expect(most).toBe(2);
  });

  it('relists when the cursor was compacted', async () => {
    const world = new World();
    const test = controller(() => ({}));
    for (const name of ['a', 'b', 'c']) world.put(name);
    world.compacted = 2;
    expect(await world.runner([test]).poke(3)).toEqual({ cursor: 3 });
    expect(test.seen.sort()).toEqual(['a', 'b', 'c']);
  });

  it('relists from an older copy of the ledger that has grown past its cursor, also after a restart', async () => {
    for (const restarts of [false, true]) {
      const world = new World();
      const test = controller(() => ({}));
      let runner = world.runner([test]);
      for (const name of ['a', 'b', 'c']) world.put(name);
      await runner.poke(3);
      test.seen.length = 0;
      world.log.length = 1;
      world.life = 'b';
      for (const name of ['d', 'e', 'f']) world.put(name);
      if (restarts) runner = world.runner([test]);
      expect(await runner.poke(4)).toEqual({ cursor: 4 });
      expect(test.seen.sort()).toEqual(['a', 'd', 'e', 'f']);
      test.seen.length = 0;
      world.put('g');
      if (restarts) runner = world.runner([test]);
      await runner.poke(5);
      expect(test.seen).toEqual(['g']);
    }
  });

  it('retries the feed by alarm and passes over a change that no one can map', async () => {
    const world = new World();
    const test = controller(() => ({}));
    const bad: Controller = {
      ...test,
      name: 'bad',
      sources: [
        source(configMaps, () => {
          throw new Error('bug');
        }),
      ],
    };
    const runner = world.runner([test, bad]);
    world.feedBroken = true;
    world.put('a');
    expect(await runner.poke(1)).toEqual({ cursor: 0 });
    world.feedBroken = false;
    for (let i = 0; i < 10 && world.alarmMs !== undefined; i++) await world.fire(runner);
    expect(test.seen).toContain('a');
    expect(await runner.poke(1)).toEqual({ cursor: 1 });
    expect(world.alarmMs).toBeUndefined();
  });

  it('stops after its stretch, keeps the rest in rows and goes on by alarm', async () => {
    const world = new World();
    const test = controller(() => {
      world.nowMs += 40;
      return {};
    });
    for (let i = 0; i < 10; i++) world.put(`k${i}`);
    const runner = world.runner([test], { concurrencyMax: 1, stretchMs: 100 });
    expect(await runner.poke(10)).toEqual({ cursor: 10 });
    expect(test.seen).toHaveLength(3);
    expect(world.rows()).toHaveLength(7);
    for (let i = 0; i < 10 && world.alarmMs !== undefined; i++) await world.fire(runner);
    expect(new Set(test.seen).size).toBe(10);
    expect([world.rows(), test.seen.length]).toEqual([[], 10]);
  });

  it('abandons a run that makes no progress', async () => {
    const world = new World();
    let stuck = true;
    const test = controller(() => (stuck ? new Promise<Result>(() => {}) : {}));
    const runner = world.runner([test]);
    world.put('a');
    void runner.poke(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    stuck = false;
    world.nowMs += 61_000;
    world.put('b');
    expect(await runner.poke(2)).toEqual({ cursor: 2 });
    expect(test.seen).toEqual(['a', 'a', 'b']);
  });

  it('runs a key that is asked for from outside the feed, and keeps it over a restart', async () => {
    const world = new World();
    const stuck = controller(() => new Promise<Result>(() => {}));
    void world.runner([stuck]).enqueue('test', 'a');
    expect(world.rows()).toEqual([{ key: 'a', due: world.nowMs, failures: 0 }]);
    const test = controller(() => ({}));
    const runner = world.runner([test]);
    await runner.enqueue('test', 'b');
    expect(test.seen.sort()).toEqual(['a', 'b']);
    expect([world.rows(), world.alarmMs]).toEqual([[], undefined]);
  });

  it('records events in the background and counts repetitions, also after a restart', async () => {
    const world = new World();
    const revision = world.put('a');
    const { object } = world.log[0]!;
    const recording: Controller = {
      ...controller(() => ({})),
      reconcile: async (_key, { events }) => {
        events.record(object, 'Warning', 'Failed', 'no luck');
        return {};
      },
    };
    const runner = world.runner([recording]);
    await runner.poke(revision);
    await runner.poke(world.put('a'));
    await world.runner([recording]).poke(world.put('a'));
    const found = [...world.stored.values()];
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ count: 3, reason: 'Failed', type: 'Warning', source: { component: 'test' } });
    expect(found[0]?.metadata.name).toMatch(/^a\.[0-9a-f]{16}$/);
    for (let i = 0; i < 60; i++) await runner.poke(world.put('a'));
    expect(found.length).toBe(1);
    expect([...world.stored.values()][0]).toMatchObject({ count: 25 });
  });
});
