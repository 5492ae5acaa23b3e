import { expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { NodeWrite } from '../../protocol/node.ts';
import { testServer } from '../testing.ts';
import { applyNodeWrites } from './writes.ts';

const garbage: unknown[] = [
  { conditions: 'x' },
  { conditions: [1, null] },
  { conditions: [null] },
  { conditions: {} },
  { conditions: 7 },
  { conditions: [{}] },
  { conditions: [{ type: {}, status: [] }] },
  { conditions: [[]] },
];

it('a status that makes no sense is refused with 400, and the other writes of the report are made', async () => {
  const { server, clock, log, call } = await testServer(openSql());
  const client = server.client('system:node:n1');
  const deps = { client, clock, log };
  const ready = [{ type: 'Ready', status: 'True' }];
  const registered: NodeWrite = { type: 'node', object: { metadata: { name: 'n1' }, status: { conditions: ready } } };
  expect((await applyNodeWrites(deps, 'n1', [registered])).results).toEqual([{ code: 200 }]);
  const pod = { metadata: { name: 'p' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] } };
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const made = await call('POST', '/api/v1/namespaces/default/pods', pod);
  expect(made.code, made.text).toBe(201);
  const of = { namespace: 'default', name: 'p', uid: made.json.metadata.uid as string };

  for (const status of garbage as Record<string, unknown>[]) {
    const { results } = await applyNodeWrites(deps, 'n1', [
      { type: 'podStatus', ...of, status },
      { type: 'nodeStatus', status },
      { type: 'node', object: { metadata: { name: 'n1' }, status } },
    ]);
    for (const { code, message } of results) {
      expect(code, JSON.stringify(status)).toBe(400);
      expect(message).toMatch(/./);
    }
  }
  for (const object of [
    { metadata: 'n1' },
    { metadata: { name: 'n1', labels: 'x' } },
    { metadata: { name: 'n1', labels: { a: 7 } } },
    { metadata: { name: 'n1', annotations: [1] } },
    { metadata: { name: 'n1' }, status: 'x' },
    { metadata: { name: 'n1' }, status: [1] },
  ] as Record<string, unknown>[]) {
    const [result] = (await applyNodeWrites(deps, 'n1', [{ type: 'node', object }])).results;
    expect([400, 403, 422], JSON.stringify(object)).toContain(result?.code);
  }
  for (const object of [
    {},
    { metadata: 1 },
    { metadata: { name: {}, namespace: [] } },
    { metadata: { name: 'e', namespace: 'default' }, count: 'x' },
  ] as Record<string, unknown>[]) {
    const [result] = (await applyNodeWrites(deps, 'n1', [{ type: 'event', object }])).results;
    expect([400, 422], JSON.stringify(object)).toContain(result?.code);
  }

  const { results } = await applyNodeWrites(deps, 'n1', [
    { type: 'podStatus', ...of, status: { conditions: 'x' } },
    { type: 'podStatus', ...of, status: { phase: 'Running', conditions: ready } },
    { type: 'nodeStatus', status: { conditions: [1, null] } },
  ]);
  expect(results.map(({ code }) => code)).toEqual([400, 200, 400]);
  expect((await call('GET', '/api/v1/namespaces/default/pods/p')).json.status.phase).toBe('Running');
  expect(log.errors).toEqual([]);
});

it('a node reports of itself and of its own, also where names are those of others', async () => {
  const { server, clock, log, call } = await testServer(openSql());
  const client = server.client('system:node:n1');
  const codesOf = async (...writes: NodeWrite[]) =>
    (await applyNodeWrites({ client, clock, log }, 'n1', writes)).results.map(({ code }) => code);
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const uids = new Map<string, string>();
  for (const nodeName of ['n1', 'n2']) {
    await call('POST', '/api/v1/nodes', { metadata: { name: nodeName } });
    const made = await call('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: nodeName },
      spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
    });
    uids.set(nodeName, made.json.metadata.uid);
  }
  const pod = (name: string) => ({ namespace: 'default', name, uid: uids.get(name) ?? '' });
  const event = (name: string, involvedObject: object): NodeWrite => ({
    type: 'event',
    object: {
      metadata: { name, namespace: 'default' },
      involvedObject,
      reason: 'R',
      type: 'Normal',
      source: { component: 'kubelet', host: 'n2' },
    },
  });
  expect(
    await codesOf(
      { type: 'podStatus', ...pod('n1'), status: { phase: 'Running' } },
      { type: 'podStatus', ...pod('n2'), status: { phase: 'Running' } },
      { type: 'podStatus', ...pod('n1'), uid: pod('n2').uid, status: { phase: 'Failed' } },
      { type: 'podGone', ...pod('n2') },
      { type: 'node', object: { metadata: { name: 'n2' } } },
      { type: 'node', object: { metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/x': '' } } } },
    ),
  ).toEqual([200, 403, 409, 403, 403, 403]);
  const of = (name: string) => ({ kind: 'Pod', ...pod(name) });
  expect(
    await codesOf(
      event('own', of('n1')),
      event('own', of('n1')),
      event('gone', { kind: 'Pod', namespace: 'default', name: 'gone', uid: 'u' }),
      event('other', of('n2')),
      event('node', { kind: 'Node', name: 'n2' }),
      event('secret', { kind: 'Secret', namespace: 'default', name: 's' }),
    ),
  ).toEqual([200, 200, 200, 403, 403, 403]);
  const events = '/api/v1/namespaces/default/events';
  expect((await call('GET', `${events}/own`)).json).toMatchObject({
    reportingInstance: 'n1',
    source: { host: 'n1' },
  });
  // One of somebody else's, whose name it guesses.
  await call('POST', events, { metadata: { name: 'theirs' }, involvedObject: of('n1'), reason: 'Theirs' });
  expect(await codesOf(event('theirs', of('n1')))).toEqual([403]);
  expect((await call('GET', `${events}/theirs`)).json.reason).toBe('Theirs');
  // Which claims are its pod's, is for others to say.
  await codesOf({
    type: 'podStatus',
    ...pod('n1'),
    status: { phase: 'Running', resourceClaimStatuses: [{ name: 'd', resourceClaimName: 'foreign' }] },
  });
  const { status } = (await call('GET', '/api/v1/namespaces/default/pods/n1')).json;
  expect(status.resourceClaimStatuses).toBeUndefined();
  expect(log.errors).toEqual([]);
});
