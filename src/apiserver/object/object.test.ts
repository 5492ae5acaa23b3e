import { describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { configMaps, flowSchemas, nodes } from '../../generated/schemas/index.ts';
import { unwrap } from '../../machinery/outcome.ts';
import { defaultClusterConfig, type Sql } from '../../ports/index.ts';
import { newCredential } from '../../protocol/node.ts';
import { type RemoteApi, remoteClient } from '../../reconcile/remote.ts';
import { issueCredential } from '../nodes/credentials.ts';
import { adminToken, TestLog, TestRandom, TestTimers } from '../testing.ts';
import { Lives } from './lives.ts';
import { type Peers, ServerObject } from './object.ts';

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

let lives = 0;

/** One life of the object. `reach`: whether calls to others get through. */
function life(sql: Sql, timers: TestTimers, reach: { ok: boolean }, others: Partial<Peers> = {}) {
  const poked: string[] = [];
  let alarmMs: number | undefined;
  const told = async <T>(name: string, answer: T): Promise<T> => {
    if (!reach.ok) throw new Error('disconnected');
    poked.push(name);
    return answer;
  };
  const peers: Peers = {
    controllerManager: { poke: (revision) => told('controllers', revision) },
    scheduler: { poke: (revision) => told('scheduler', revision) },
    link: (node) => ({
      poke: () => told(node, { serviceRevision: 0 }),
      credentialChanged: async () => undefined,
    }),
    ...others,
  };
  const object = new ServerObject({
    sql,
    alarm: {
      set: (atMs) => {
        alarmMs = atMs;
      },
    },
    timers,
    random: new TestRandom(++lives),
    config: defaultClusterConfig,
    log: new TestLog(),
    epoch: 'e',
    adminToken,
    peers,
    signer: {
      ca: '',
      sign: () => Promise.reject(new Error('not here')),
      agree: () => Promise.reject(new Error('not here')),
    },
    waitUntil: () => undefined,
  });
  const ring = async (): Promise<void> => {
    timers.ms = Math.max(timers.ms, alarmMs ?? 0);
    await object.alarm();
    await settle();
  };
  return { object, poked, ring, alarmMs: () => alarmMs };
}

describe('the object of the API server', () => {
  it('hands out a long list in messages that are not, all of one revision', async () => {
    const { object } = life(openSql(), new TestTimers(), { ok: true });
    await object.start();
    const text = 'x'.repeat(200_000);
    const names = Array.from({ length: 30 }, (_, n) => `c${String(n).padStart(2, '0')}`);
    const write = (verb: 'create' | 'delete', name: string) =>
      object.write('system:admin', [
        verb === 'create'
          ? { verb, resource: configMaps, namespace: 'default', object: { metadata: { name }, data: { text } } }
          : { verb, resource: configMaps, namespace: 'default', name },
      ]);
    for (const name of names) await write('create', name);
    let most = 0;
    let calls = 0;
    const client = remoteClient(
      {
        ...({} as RemoteApi),
        async read(user, reads) {
          const results = await object.read(user, reads);
          most = Math.max(most, JSON.stringify(results).length);
          // What is still to come changes after the first page.
          if (calls++ === 0) await write('delete', 'c29');
          return results;
        },
      },
      'system:admin',
    );
    const inDefault = { namespace: 'default' };
    expect((await client.list(configMaps, inDefault)).map(({ metadata }) => metadata.name)).toEqual(names);
    expect(calls).toBeGreaterThan(4);
    expect(most).toBeLessThan(2_000_000);
    calls = 1;
    const left = await client.list(configMaps, { ...inDefault, metadataOnly: true });
    expect(left.map(({ metadata }) => metadata.name)).toEqual(names.slice(0, 29));
    expect(calls).toBe(2);
    expect(await client.list(configMaps, { ...inDefault, fieldSelector: 'metadata.name=c07' })).toHaveLength(1);
  });

  it('pokes everyone once in a life after one that died with pokes on their way, whomever it poked itself', async () => {
    const sql = openSql();
    const timers = new TestTimers();
    const first = life(sql, timers, { ok: false });
    await first.object.start();
    const client = first.object.server.client('system:admin');
    await client.write([{ verb: 'create', resource: nodes, object: { metadata: { name: 'n1' } } }]);
    await settle();
    expect(first.poked).toEqual([]);

    const second = life(sql, timers, { ok: true });
    await second.object.start();
    await second.object.server
      .client('system:admin')
      .write([{ verb: 'create', resource: configMaps, namespace: 'default', object: { metadata: { name: 'c' } } }]);
    await settle();
    expect(second.poked).toEqual(['controllers']);
    await second.ring();
    expect(new Set(second.poked)).toEqual(new Set(['controllers', 'scheduler', 'n1']));
    expect(second.alarmMs()).toBe(timers.ms + defaultClusterConfig.historyMs - 5_000);
  });

  it('has no repair left once everyone has caught up, and asks again while someone has not', async () => {
    const timers = new TestTimers();
    const reach = { ok: false };
    const one = life(openSql(), timers, reach);
    await one.object.start();
    await settle();
    await one.ring();
    expect(one.poked).toEqual([]);
    expect(one.alarmMs()).toBe(timers.ms + 10_000);
    reach.ok = true;
    await one.ring();
    expect(one.poked).toContain('controllers');
    expect(one.alarmMs()).toBeGreaterThan(timers.ms + 60_000);
  });

  it('pokes a follower for what it wants to see, and before its cursor is compacted', async () => {
    const timers = new TestTimers();
    const one = life(openSql(), timers, { ok: true });
    await one.object.start();
    const client = one.object.server.client('system:admin');
    const create = async (...names: string[]) => {
      one.poked.length = 0;
      const verb = 'create' as const;
      await client.write(
        names.map((name) => ({ verb, resource: configMaps, namespace: 'default', object: { metadata: { name } } })),
      );
      await settle();
      return [...one.poked];
    };
    expect(await create('a')).toEqual(['controllers']);
    const interest = { all: ['pods'], ends: [], names: { configmaps: ['c'] } };
    await one.object.feed('controller-manager', 0, interest, 10);
    expect(await create('b')).toEqual([]);
    expect(await create('c')).toEqual(['controllers']);
    expect(await create('d')).toEqual([]);
    timers.ms += defaultClusterConfig.historyMs;
    await one.ring();
    expect(one.poked).toContain('controllers');
    expect(await create('e')).toEqual([]);
    expect(await create(...Array.from({ length: 1001 }, (_, i) => `e${i}`))).toContain('controllers');
  });

  it('makes a consumer that has seen more than there is begin anew: the ledger was restored', async () => {
    let position = 5000;
    const pokes: number[] = [];
    const controllerManager = {
      poke: async (revision: number) => {
        pokes.push(revision);
        if (revision > position) position = one.object.ledger.revision;
        return position;
      },
    };
    const one = life(openSql(), new TestTimers(), { ok: true }, { controllerManager });
    await one.object.start();
    await settle();
    expect(pokes).toContain(5001);
    expect(position).toBe(one.object.ledger.revision);
  });

  it('lets nothing in of a node whose credential is revoked, cordons it, and tells its link', async () => {
    const told: string[] = [];
    const link = (node: string) => ({
      poke: async () => ({ serviceRevision: 0 }),
      credentialChanged: async () => void told.push(node),
    });
    const { object } = life(openSql(), new TestTimers(), { ok: true }, { link });
    await object.start();
    const revoke = async (node: string, token = adminToken, method = 'DELETE') => {
      const answer = await object.fetch(
        new Request(`https://cluster.test/tiffin.dev/v1/credentials/${node}`, {
          method,
          headers: { authorization: `Bearer ${token}` },
        }),
      );
      return answer.status;
    };
    const own = await issueCredential(object.server.core, 'n1');
    const other = await issueCredential(object.server.core, 'n2');
    const owner = async (token: string) => unwrap(await object.nodeOfCredential(token));
    await object.report('n1', [{ type: 'node', object: { metadata: { name: 'n1' } } }]);
    // Nodes revoke nobody, not even themselves.
    expect(await revoke('n1', own)).toBe(403);
    expect(await revoke('n1', other)).toBe(403);
    expect(await revoke('n1', adminToken, 'POST')).toBe(400);
    expect(await revoke('n3')).toBe(404);
    expect(await revoke('N1')).toBe(404);
    expect(await owner(own)).toBe('n1');
    const watch = await object.fetch(
      new Request('https://cluster.test/api/v1/nodes?watch=1&fieldSelector=metadata.name%3Dn1', {
        headers: { authorization: `Bearer ${own}` },
      }),
    );
    expect(watch.status).toBe(200);
    expect(await revoke('n1')).toBe(200);
    expect(await owner(own)).toBeNull();
    // It ends; else this would wait for ever.
    expect(await watch.text()).toContain('"ADDED"');
    expect(object.server.watches).toBe(0);
    expect(await owner(other)).toBe('n2');
    expect(told).toEqual(['n1']);
    const refused = { ok: false, status: { code: 401 } };
    expect(await object.report('n1', [])).toMatchObject(refused);
    expect(await object.nodeNews({ node: 'n1', since: 0, epoch: '', serviceRevision: 0 })).toMatchObject(refused);
    expect(await object.signServing('n1', '')).toMatchObject(refused);
    expect(await object.renew(own, newCredential(new TestRandom(3)))).toMatchObject(refused);
    const node = await object.server.client('system:admin').get(nodes, undefined, 'n1');
    expect(node?.spec?.unschedulable).toBe(true);
    // Again, of a node that is known but has none: nothing is wrong.
    expect(await revoke('n1')).toBe(200);
  });

  it("goes on from a node's cursor in its next life, and begins anew from one that an older copy knows nothing of", async () => {
    const sql = openSql();
    const timers = new TestTimers();
    const first = life(sql, timers, { ok: true });
    await first.object.start();
    await issueCredential(first.object.server.core, 'n1');
    const ask = async (of: ReturnType<typeof life>, since: number, epoch: string) =>
      unwrap(await of.object.nodeNews({ node: 'n1', since, epoch, serviceRevision: 0 }));
    const all = await ask(first, 0, '');
    expect(all.reset).toBe(true);
    expect(await ask(first, all.revision, all.epoch)).toMatchObject({ reset: false, epoch: all.epoch });

    const second = life(sql, timers, { ok: true });
    await second.object.start();
    const create = (of: ReturnType<typeof life>, name: string) =>
      of.object.server
        .client('system:admin')
        .write([{ verb: 'create', resource: configMaps, namespace: 'default', object: { metadata: { name } } }]);
    await create(second, 'grown');
    const next = await ask(second, all.revision, all.epoch);
    expect(next.reset).toBe(false);
    expect(next.epoch).not.toBe(all.epoch);
    // The first life never came as far as this: it did in what the copy was made of.
    expect((await ask(second, all.revision + 1, all.epoch)).reset).toBe(true);
    expect((await ask(second, all.revision, 'e/unknown')).reset).toBe(true);
    expect((await ask(second, all.revision, 'f')).reset).toBe(true);
    const feed = async (after: number, epoch?: string) =>
      unwrap(await second.object.feed('scheduler', after, { all: [], ends: [], names: {} }, 10, epoch));
    expect(await feed(all.revision, all.epoch)).toMatchObject({ reset: false, life: next.epoch });
    expect((await feed(all.revision)).reset).toBe(false);
    expect(await feed(all.revision, 'e/unknown')).toMatchObject({
      reset: true,
      current: second.object.ledger.revision,
      life: next.epoch,
    });
  });

  it('puts right within a minute what was done to the flow schemas that it maintains, and leaves those of others', async () => {
    const timers = new TestTimers();
    const one = life(openSql(), timers, { ok: true });
    await one.object.start();
    const client = one.object.server.client('system:admin');
    const precedence = async (name: string) =>
      (await client.get(flowSchemas, undefined, name))?.spec.matchingPrecedence;
    const set = async (name: string, matchingPrecedence: number, annotation: string) => {
      const live = await client.get(flowSchemas, undefined, name);
      if (!live) throw new Error(`no flow schema ${name}`);
      live.metadata.annotations = { 'apf.kubernetes.io/autoupdate-spec': annotation };
      live.spec.matchingPrecedence = matchingPrecedence;
      await client.write([{ verb: 'update', resource: flowSchemas, object: live }]);
    };
    while ((one.alarmMs() ?? Number.POSITIVE_INFINITY) <= timers.ms + 60_000) await one.ring();
    const before = timers.ms;
    await set('global-default', 9_000, 'true');
    await set('probes', 3, 'false');
    await client.write([{ verb: 'delete', resource: flowSchemas, name: 'catch-all' }]);
    expect(await precedence('global-default')).toBe(9_000);
    while ((one.alarmMs() ?? Number.POSITIVE_INFINITY) <= before + 60_000) await one.ring();
    expect(timers.ms).toBe(before + 60_000);
    expect([await precedence('global-default'), await precedence('probes'), await precedence('catch-all')]).toEqual([
      9_900, 3, 10_000,
    ]);
    const { revision } = one.object.ledger;
    while ((one.alarmMs() ?? Number.POSITIVE_INFINITY) <= before + 180_000) await one.ring();
    expect(one.object.ledger.revision).toBe(revision);
  });

  it('keeps the lives of an older copy apart from those that came after it', () => {
    const ids = (...names: string[]) => ({ ...new TestRandom(), uuid: () => names.shift() ?? '' }) as TestRandom;
    const copy = openSql();
    new Lives(copy, ids('a'), 0);
    const restored = new Lives(copy, ids('c'), 20);
    expect([0, 20, 21, 30].map((revision) => restored.holds('a', revision))).toEqual([true, true, false, false]);
    expect(restored.holds('b', 10)).toBe(false);
    expect(restored.holds('c', 1000)).toBe(true);
    for (let i = 0; i < 100; i++) new Lives(copy, ids(`later${i}`), 30);
    expect(copy.exec('SELECT * FROM server_life')).toHaveLength(100);
  });

  it('tells of the parts of the control plane how they are', async () => {
    const timers = new TestTimers();
    const reach = { ok: true };
    const { object } = life(openSql(), timers, reach, { scheduler: { poke: () => Promise.reject(new Error('down')) } });
    const statuses = async () => {
      const answer = await object.fetch(
        new Request('http://x/api/v1/componentstatuses', { headers: { authorization: `Bearer ${adminToken}` } }),
      );
      const { items } = (await answer.json()) as {
        items: { metadata: { name: string }; conditions: { status: string; message: string }[] }[];
      };
      return items.map(
        ({ metadata: { name }, conditions: [healthy] }) => `${name} ${healthy?.status} ${healthy?.message}`,
      );
    };
    expect(await statuses()).toEqual(['controller-manager True ok', 'etcd-0 True ok', 'scheduler True ok']);
    await object.write('system:apiserver', [{ verb: 'create', resource: nodes, object: { metadata: { name: 'n1' } } }]);
    await settle();
    expect(await statuses()).toEqual(['controller-manager True ok', 'etcd-0 True ok', 'scheduler False Error: down']);
  });
});
