import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { ManagedFieldsEntry } from '../../machinery/meta.ts';
import type { Authenticator } from '../authn/authenticator.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import { openWatch, type TestServer, testServer } from '../testing.ts';

const authenticated = 'system:authenticated';
const users: Record<string, User> = {
  admin: { name: 'kubernetes-admin', groups: ['system:masters', authenticated] },
  node: { name: 'system:node:n1', groups: ['system:nodes', authenticated] },
  noisy: {
    name: 'system:serviceaccount:default:noisy',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', authenticated],
  },
  calm: {
    name: 'system:serviceaccount:default:calm',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', authenticated],
  },
  jane: { name: 'jane', groups: [authenticated] },
};
/** A token is a user's name. */
const authenticator: Authenticator = {
  async authenticate(token) {
    const [name = '', gate] = token.split('#');
    const user = users[name === 'admin-token-of-the-tests' ? 'admin' : name];
    return user && gate ? { ...user, extra: { gate: [gate] } } : user;
  },
};
/** What requests wait for that take their time, by the name that their token ends with: `jane#3`. */
const gates = new Map<string, Promise<void>>();
const authorizer: Authorizer = {
  authorize({ user }) {
    const allowed = { allowed: true as const, reason: 'test' };
    const gate = gates.get(user.extra?.gate?.[0] ?? '');
    return gate ? { allowed: undefined, reason: '', later: () => gate.then(() => allowed) } : allowed;
  },
};
const start = (requestsInFlightMax = 600) =>
  testServer(openSql(), { authenticator, authorizer, config: { requestsInFlightMax } });
const as = (name: string) => ({ authorization: `Bearer ${name}` });

const api = '/apis/flowcontrol.apiserver.k8s.io/v1';
const schemaHeader = 'x-kubernetes-pf-flowschema-uid';
const levelHeader = 'x-kubernetes-pf-prioritylevel-uid';
const queueOf = (queues: number, queueLengthLimit = 50, handSize = 1) => ({
  type: 'Limited',
  limited: {
    nominalConcurrencyShares: 10,
    borrowingLimitPercent: 0,
    limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit } },
  },
});
/** A level and a schema of the same name for one user. */
async function level({ call }: TestServer, name: string, user: string, spec: object, method = 'ByUser') {
  const metadata = { name };
  expect((await call('POST', `${api}/prioritylevelconfigurations`, { metadata, spec })).code).toBe(201);
  const created = await call('POST', `${api}/flowschemas`, {
    metadata,
    spec: {
      priorityLevelConfiguration: { name },
      matchingPrecedence: 50,
      distinguisherMethod: { type: method },
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: user } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        },
      ],
    },
  });
  expect(created.code).toBe(201);
}

/** A request that takes until it is to finish. */
function slow({ server }: TestServer, user: string, name: string, signal?: AbortSignal, query = '') {
  const gate = String(gates.size + 1);
  const opened = Promise.withResolvers<void>();
  gates.set(gate, opened.promise);
  const request = new Request(`https://cluster.test/api/v1/namespaces/default/configmaps${query}`, {
    method: 'POST',
    headers: { ...as(`${user}#${gate}`), 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } }),
    ...(signal ? { signal } : {}),
  });
  const answer = server.fetch(request);
  return { answer, finish: () => opened.resolve() };
}
/** Turns of the event loop: enough for whatever can go on to do so. */
const settle = async (turns = 3) => {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve, 0));
};
/** Rows of a dump, by the head of their columns. */
async function dumped({ call }: TestServer, page: string): Promise<Record<string, string>[]> {
  const { text, code, headers } = await call('GET', `/debug/api_priority_and_fairness/${page}`);
  expect([code, headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
  const [heads, ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()));
  return rows.map((row) => Object.fromEntries((heads ?? []).map((head, i) => [head, row[i] ?? ''])));
}
const rowOf = async (cluster: TestServer, name: string) =>
  (await dumped(cluster, 'dump_priority_levels')).find(({ PriorityLevelName }) => PriorityLevelName === name);

describe('the objects', () => {
  test('are there, with their conditions; a restart writes nothing', async () => {
    const { call, server, ledger } = await start();
    const { json } = await call('GET', `${api}/flowschemas`);
    expect(json.items.map((one: { metadata: { name: string } }) => one.metadata.name)).toHaveLength(12);
    for (const one of json.items)
      expect(one.status.conditions).toEqual([
        {
          type: 'Dangling',
          status: 'False',
          lastTransitionTime: '2026-01-02T03:04:05Z',
          reason: 'Found',
          message: `This FlowSchema references the PriorityLevelConfiguration object named "${one.spec.priorityLevelConfiguration.name}" and it exists`,
        },
      ]);
    expect((await call('GET', `${api}/prioritylevelconfigurations`)).json.items).toHaveLength(8);
    const { revision } = ledger;
    await server.start();
    expect(ledger.revision).toBe(revision);
  });

  test('who wrote what is told as upstream tells it', async () => {
    const { call } = await start();
    const entriesOf = async (path: string) =>
      ((await call('GET', path)).json.metadata.managedFields as ManagedFieldsEntry[]).map(
        ({ time: _time, apiVersion: _version, fieldsType: _type, ...rest }) => rest,
      );
    const annotations = { 'f:annotations': { '.': {}, 'f:apf.kubernetes.io/autoupdate-spec': {} } };
    const reported = {
      '.': {},
      'f:lastTransitionTime': {},
      'f:message': {},
      'f:reason': {},
      'f:status': {},
      'f:type': {},
    };
    expect(await entriesOf(`${api}/flowschemas/exempt`)).toEqual([
      {
        manager: 'api-priority-and-fairness-config-consumer-v1',
        operation: 'Apply',
        subresource: 'status',
        fieldsV1: { 'f:status': { 'f:conditions': { 'k:{"type":"Dangling"}': reported } } },
      },
      {
        manager: 'api-priority-and-fairness-config-producer-v1',
        operation: 'Update',
        fieldsV1: {
          'f:metadata': annotations,
          'f:spec': { 'f:matchingPrecedence': {}, 'f:priorityLevelConfiguration': { 'f:name': {} }, 'f:rules': {} },
        },
      },
    ]);
    const [level] = await entriesOf(`${api}/prioritylevelconfigurations/catch-all`);
    expect(level?.manager).toBe('api-priority-and-fairness-config-producer-v1');
    const [namespace] = await entriesOf('/api/v1/namespaces/default');
    expect(namespace?.manager).toBe('kube-apiserver');
  });

  test('a table of flow schemas is in order of precedence', async () => {
    const { call } = await start();
    for (const query of ['', '?limit=500']) {
      const table = await call('GET', `${api}/flowschemas${query}`, undefined, {
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      });
      const rows: [string, string, number][] = table.json.rows.map(({ cells }: { cells: unknown[] }) => cells);
      expect(rows.map(([name]) => name).slice(0, 3)).toEqual(['exempt', 'probes', 'system-leader-election']);
      expect(rows.map(([, , precedence]) => precedence)).toEqual([
        1, 2, 100, 200, 400, 500, 800, 800, 900, 9000, 9900, 10000,
      ]);
      expect(rows[6]?.[0]).toBe('kube-controller-manager');
    }
  });

  test('a schema without its level dangles, and counts for nothing', async () => {
    const cluster = await start();
    const { call } = cluster;
    await level(cluster, 'own', 'jane', queueOf(8));
    const before = (await call('GET', '/version', undefined, as('jane'))).headers;
    expect(before.get(schemaHeader)).toBe((await call('GET', `${api}/flowschemas/own`)).json.metadata.uid);
    expect(before.get(levelHeader)).toBe(
      (await call('GET', `${api}/prioritylevelconfigurations/own`)).json.metadata.uid,
    );
    await call('DELETE', `${api}/prioritylevelconfigurations/own`);
    await settle();
    expect((await call('GET', `${api}/flowschemas/own`)).json.status.conditions).toMatchObject([
      {
        status: 'True',
        reason: 'NotFound',
        message:
          'This FlowSchema references the PriorityLevelConfiguration object named "own" but there is no such object',
      },
    ]);
    const after = (await call('GET', '/version', undefined, as('jane'))).headers;
    expect(after.get(schemaHeader)).toBe((await call('GET', `${api}/flowschemas/global-default`)).json.metadata.uid);
    expect(await rowOf(cluster, 'own')).toBeUndefined();
  });

  test('what is mandatory holds without its objects', async () => {
    const cluster = await start();
    const { call } = cluster;
    for (const path of ['flowschemas/exempt', 'prioritylevelconfigurations/exempt', 'flowschemas/catch-all'])
      expect((await call('DELETE', `${api}/${path}`)).code).toBe(200);
    const { code, headers } = await call('GET', '/api/v1/pods');
    expect([code, headers.get(schemaHeader), headers.get(levelHeader)]).toEqual([200, '', '']);
  });
});

describe('answers', () => {
  test('say how they were classified, refusals too; what was not classified does not', async () => {
    const cluster = await testServer(openSql(), { authenticator });
    const { call } = cluster;
    const uid = async (path: string) => (await call('GET', `${api}/${path}`)).json.metadata.uid;
    const of = async (path: string, user: string, method = 'GET') => {
      const { code, headers } = await call(method, path, undefined, as(user));
      return [code, headers.get(schemaHeader), headers.get(levelHeader)];
    };
    const global = [await uid('flowschemas/global-default'), await uid('prioritylevelconfigurations/global-default')];
    expect(await of('/version', 'jane')).toEqual([200, ...global]);
    expect(await of('/api/v1/pods', 'jane')).toEqual([403, ...global]);
    expect(await of('/nowhere', 'jane')).toEqual([403, ...global]);
    expect(await of('/api/v1/pods', 'admin')).toEqual([
      200,
      await uid('flowschemas/exempt'),
      await uid('prioritylevelconfigurations/exempt'),
    ]);
    expect(await of('/api/v1/pods/nowhere/x', 'admin')).toEqual([404, expect.any(String), expect.any(String)]);
    expect(await of('/healthz', 'jane')).toEqual([
      200,
      await uid('flowschemas/probes'),
      await uid('prioritylevelconfigurations/exempt'),
    ]);
    expect(await of('/api/v1/pods', 'unknown')).toEqual([401, null, null]);
    expect(await of('/api/v1/namespaces/default/pods/x/log', 'admin')).toEqual([404, null, null]);
    expect((await of('/api/v1/namespaces/default/pods/x/exec', 'admin', 'POST')).slice(1)).toEqual([null, null]);
  });
});

describe('limits', () => {
  test('beyond seats and queues: 429, in upstream’s words', async () => {
    const cluster = await start();
    await level(cluster, 'own', 'jane', {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 0, limitResponse: { type: 'Reject' }, borrowingLimitPercent: 0 },
    });
    // A level without seats serves one at a time.
    const first = slow(cluster, 'jane', 'a');
    await settle();
    const { code, text, headers } = await cluster.call('GET', '/version', undefined, as('jane'));
    expect([code, text]).toEqual([429, 'Too many requests, please try again later.\n']);
    expect(headers.get('retry-after')).toBe('1');
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get(schemaHeader)).toBe((await cluster.call('GET', `${api}/flowschemas/own`)).json.metadata.uid);
    first.finish();
    expect((await first.answer).status).toBe(201);
    expect((await cluster.call('GET', '/version', undefined, as('jane'))).code).toBe(200);
    expect(await rowOf(cluster, 'own')).toMatchObject({
      IsIdle: 'true',
      DispatchedRequests: '2',
      RejectedRequests: '1',
    });
  });

  test('a noisy client keeps neither its peers nor nodes and admins waiting', async () => {
    const cluster = await start(20);
    const flood = Array.from({ length: 3_000 }, (_, i) => slow(cluster, 'noisy', `n-${i}`));
    const answers = flood.map(async ({ answer }) => (await answer).status);
    await settle(50);
    const row = await rowOf(cluster, 'workload-low');
    // Its hand holds 6 of 128 queues with 50 places each.
    expect(Number(row?.WaitingRequests)).toBe(300);
    const seats = Number(row?.ExecutingRequests);
    expect(seats).toBeGreaterThan(0);
    expect(seats).toBeLessThanOrEqual(20);
    expect(Number(row?.RejectedRequests)).toBe(3_000 - 300 - seats);
    // Those who have seats of their own are answered while all of these still wait.
    for (const user of ['admin', 'node', 'jane'])
      expect((await cluster.call('GET', '/api/v1/namespaces/default/configmaps', undefined, as(user))).code).toBe(200);
    // A peer at the same level goes before what is queued.
    const calm = cluster.call('GET', '/api/v1/namespaces/default/configmaps', undefined, as('calm'));
    await settle();
    expect(Number((await rowOf(cluster, 'workload-low'))?.WaitingRequests)).toBe(301);
    const before = { created: 0 };
    const done = calm.then(({ code, json }) => {
      before.created = json.items.length;
      return code;
    });
    for (const [i, { finish }] of flood.entries()) {
      finish();
      if (i < 100 || i % 50 === 0) await settle();
    }
    expect(await done).toBe(200);
    expect(before.created).toBeLessThan(60);
    const codes = await Promise.all(answers);
    expect(codes.filter((code) => code === 201)).toHaveLength(300 + seats);
    expect(codes.filter((code) => code === 429)).toHaveLength(2_700 - seats);
    expect(await rowOf(cluster, 'workload-low')).toMatchObject({ IsIdle: 'true', WaitingRequests: '0' });
  });

  test('waiting ends with the time that the request has, or when the client goes away', async () => {
    const cluster = await start(1);
    await level(cluster, 'own', 'jane', queueOf(1));
    const first = slow(cluster, 'jane', 'a');
    await settle();
    const hurried = cluster.call('GET', '/version?timeout=4s', undefined, as('jane'));
    const patient = cluster.call('GET', '/version', undefined, as('jane'));
    const going = new AbortController();
    const gone = slow(cluster, 'jane', 'gone', going.signal);
    await settle();
    expect(await rowOf(cluster, 'own')).toMatchObject({ WaitingRequests: '3', ExecutingRequests: '1' });
    cluster.clock.advance(1_000);
    expect((await hurried).code).toBe(429);
    going.abort();
    await settle();
    expect((await gone.answer).status).toBe(429);
    cluster.clock.advance(13_999);
    await settle();
    expect(await rowOf(cluster, 'own')).toMatchObject({
      WaitingRequests: '1',
      TimedoutRequests: '1',
      CancelledRequests: '1',
    });
    cluster.clock.advance(1);
    expect((await patient).code).toBe(429);
    first.finish();
    expect((await first.answer).status).toBe(201);
    expect(await rowOf(cluster, 'own')).toMatchObject({ IsIdle: 'true' });
  });

  test('whoever takes too long keeps no seat', async () => {
    const cluster = await start(1);
    await level(cluster, 'own', 'jane', queueOf(1));
    const silent = slow(cluster, 'jane', 'silent');
    await settle();
    cluster.clock.advance(50_000);
    const patient = cluster.call('GET', '/version', undefined, as('jane'));
    await settle();
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '1', WaitingRequests: '1' });
    cluster.clock.advance(11_000);
    expect((await patient).code).toBe(200);
    const answer = await silent.answer;
    expect([answer.status, await answer.json()]).toMatchObject([504, { kind: 'Status', reason: 'Timeout' }]);
    expect(await rowOf(cluster, 'own')).toMatchObject({ IsIdle: 'true' });
    // Whether it is written after all is not known to anyone, and harms nobody.
    silent.finish();
    await settle();
    const hurried = slow(cluster, 'jane', 'hurried', undefined, '?timeout=2s');
    await settle();
    cluster.clock.advance(3_000);
    expect((await hurried.answer).status).toBe(504);
    const calm = slow(cluster, 'jane', 'calm');
    await settle();
    cluster.clock.advance(55_000);
    calm.finish();
    expect((await calm.answer).status).toBe(201);
  });

  test('whoever sends half a body has no seat until the rest is there', async () => {
    const cluster = await start(1);
    await level(cluster, 'own', 'jane', queueOf(1));
    const half = (query = '') => {
      const body = new ReadableStream<Uint8Array>({ start: (on) => on.enqueue(new TextEncoder().encode('{"kind":')) });
      const headers = { ...as('jane'), 'content-type': 'application/json' };
      const url = `https://cluster.test/api/v1/namespaces/default/configmaps${query}`;
      return cluster.server.fetch(new Request(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit));
    };
    const [silent, hurried] = [half(), half('?timeout=2s')];
    await settle();
    expect(await rowOf(cluster, 'own')).toMatchObject({ IsIdle: 'true', ExecutingRequests: '0' });
    expect((await cluster.call('GET', '/version', undefined, as('jane'))).code).toBe(200);
    cluster.clock.advance(3_000);
    expect((await hurried).status).toBe(504);
    cluster.clock.advance(58_000);
    const answer = await silent;
    expect([answer.status, await answer.json()]).toMatchObject([504, { kind: 'Status', reason: 'Timeout' }]);
  });

  test('a watch has a seat only while it starts; a long list until it is read', async () => {
    const cluster = await start();
    const { call, server } = cluster;
    const data = { text: 'x'.repeat(40_000) };
    for (let i = 0; i < 30; i++)
      await call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: `m-${i}` }, data });
    await level(cluster, 'own', 'jane', queueOf(1));
    const watch = await openWatch(server, '/api/v1/configmaps?watch=1', as('jane'));
    const unread = await openWatch(server, '/api/v1/configmaps?watch=1', as('jane'));
    expect(watch.response.headers.get(schemaHeader)).not.toBe('');
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '2', DispatchedRequests: '2' });
    for (let i = 0; i < 30; i++) expect((await watch.next())?.type).toBe('ADDED');
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '1' });
    cluster.clock.advance(60_000);
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '0' });
    let events = 0;
    while (await unread.next()) events++;
    expect(events).toBeLessThan(30);
    expect(server.watches).toBe(1);
    await watch.cancel();
    const list = async () => server.fetch(new Request('https://x/api/v1/configmaps', { headers: as('jane') }));
    const read = await list();
    const dropped = await list();
    const abandoned = await list();
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '3' });
    // 1.2 MB are many seats, of which a request of this level may have few.
    expect(
      (await dumped(cluster, 'dump_requests')).filter(({ PriorityLevelName }) => PriorityLevelName === 'own'),
    ).toMatchObject([1, 2, 3].map(() => ({ FlowSchemaName: 'own', RequestIndexInQueue: '-1', InitialSeats: '4' })));
    expect(JSON.parse(await read.text()).items).toHaveLength(30);
    await dropped.body?.cancel();
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '1' });
    cluster.clock.advance(60_000);
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '0' });
    expect(abandoned.status).toBe(200);
  });

  test('a level borrows what others leave', async () => {
    const cluster = await start(100);
    const open = Array.from({ length: 200 }, (_, i) => slow(cluster, 'noisy', `n-${i}`));
    await settle();
    const executing = async () => Number((await rowOf(cluster, 'workload-low'))?.ExecutingRequests);
    const own = await executing();
    expect(own).toBeLessThan(50);
    cluster.clock.advance(10_000);
    // Looked at when somebody comes.
    await cluster.call('GET', '/version', undefined, as('jane'));
    await settle();
    expect(await executing()).toBeGreaterThan(own);
    for (const { finish } of open) finish();
    await Promise.all(open.map(({ answer }) => answer));
    expect(await executing()).toBe(0);
  });

  test('requests that never wait are served a few a turn', async () => {
    const cluster = await start(600);
    const order: string[] = [];
    const get = (user: string) =>
      cluster
        .call('GET', '/api/v1/namespaces/default/configmaps', undefined, as(user))
        .then(() => void order.push(user));
    const flood = Array.from({ length: 200 }, () => get('noisy'));
    await settle();
    const node = get('node');
    await settle();
    expect(order.indexOf('node')).toBeGreaterThan(0);
    expect(order.indexOf('node')).toBeLessThan(60);
    await Promise.all([...flood, node]);
    expect(order).toHaveLength(201);
  });
});

test('the dumps are aligned as upstream’s', async () => {
  const cluster = await start();
  const { call } = cluster;
  const { text } = await call('GET', '/debug/api_priority_and_fairness/dump_priority_levels');
  expect(text.split('\n').slice(0, 2)).toEqual([
    'PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, ExecutingRequests, DispatchedRequests, RejectedRequests, TimedoutRequests, CancelledRequests',
    'catch-all,         0,            true,   false,       0,               0,                 0,                  0,                0,                0',
  ]);
  const queues = await dumped(cluster, 'dump_queues');
  expect(queues).toHaveLength(64 + 64 + 16 + 128 * 3);
  expect(queues[0]).toEqual({
    PriorityLevelName: 'global-default',
    Index: '0',
    PendingRequests: '0',
    ExecutingRequests: '0',
    SeatsInUse: '0',
    NextDispatchR: '0.00000000ss',
    InitialSeatsSum: '0',
    MaxSeatsSum: '0',
    TotalWorkSum: '0.00000000ss',
  });
  // The request for the dump itself.
  expect(await dumped(cluster, 'dump_requests?includeRequestDetails=1')).toMatchObject([
    {
      PriorityLevelName: 'exempt',
      FlowSchemaName: 'exempt',
      QueueIndex: '-1',
      UserName: 'kubernetes-admin',
      Verb: 'get',
    },
  ]);
  expect((await call('GET', '/debug/api_priority_and_fairness/other')).code).toBe(404);
});
