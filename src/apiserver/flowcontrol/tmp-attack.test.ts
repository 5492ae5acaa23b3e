import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { ManagedFieldsEntry } from '../../machinery/meta.ts';
import type { Authenticator } from '../authn/authenticator.ts';
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
  authenticate: async (token) => users[token === 'admin-token-of-the-tests' ? 'admin' : token],
};
const authorizer = { authorize: () => ({ allowed: true as const, reason: 'test' }) };
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

/** A request whose body is still on its way. */
function slow({ server }: TestServer, user: string, name: string, signal?: AbortSignal, query = '') {
  let finish = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const text = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
      finish = () => {
        controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      };
    },
  });
  const request = new Request(`https://cluster.test/api/v1/namespaces/default/configmaps${query}`, {
    method: 'POST',
    headers: { ...as(user), 'content-type': 'application/json' },
    body,
    duplex: 'half',
    ...(signal ? { signal } : {}),
  } as RequestInit);
  const answer = server.fetch(request);
  return { answer, finish: () => finish() };
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

describe('x',()=>{  test('whoever sends half a body and nothing more keeps no seat', async () => {
    const cluster = await start(1);
    console.log('step 0');
    await level(cluster, 'own', 'jane', queueOf(1));
    console.log('step 1');
    const silent = slow(cluster, 'jane', 'silent');
    console.log('step 2');
    await settle();
    console.log('step 3');
    cluster.clock.advance(50_000);
    console.log('step 4');
    const patient = cluster.call('GET', '/version', undefined, as('jane'));
    console.log('step 5');
    await settle();
    console.log('step 6');
    expect(await rowOf(cluster, 'own')).toMatchObject({ ExecutingRequests: '1', WaitingRequests: '1' });
    console.log('step 7');
    cluster.clock.advance(11_000);
    console.log('step 8');
    expect((await patient).code).toBe(200);
    console.log('step 9');
    const answer = await silent.answer;
    console.log('step 10');
    expect([answer.status, await answer.json()]).toMatchObject([504, { kind: 'Status', reason: 'Timeout' }]);
    console.log('step 11');
    expect(await rowOf(cluster, 'own')).toMatchObject({ IsIdle: 'true' });
    console.log('step 12');
    // Whether it is written after all is not known to anyone, and harms nobody.
    silent.finish();
    console.log('step 13');
    await settle();
    console.log('step 14');
    const hurried = slow(cluster, 'jane', 'hurried', undefined, '?timeout=2s');
    console.log('step 15');
    const calm = slow(cluster, 'noisy', 'calm');
    console.log('step 16');
    await settle();
    console.log('step 17');
    cluster.clock.advance(3_000);
    console.log('step 18');
    expect((await hurried.answer).status).toBe(504);
    console.log('step 19');
    calm.finish();
    console.log('step 20');
    expect((await calm.answer).status).toBe(201);
    console.log('step 21');
  });
    console.log('step 22');

});