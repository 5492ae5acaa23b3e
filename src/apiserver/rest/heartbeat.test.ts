import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { Contacts } from '../object/contacts.ts';
import { TestTimers, testServer } from '../testing.ts';

test('signs of life are filled in at reads, and never written', async () => {
  const clock = new TestTimers();
  const at = new Map([['n', clock.ms - 1500]]);
  const asked: string[] = [];
  const contacts = new Contacts(clock, 8000, async (node) => {
    asked.push(node);
    if (node === 'broken') throw new Error('gone');
    return at.get(node);
  });
  const { call, ledger } = await testServer(openSql(), { clock, timers: clock, contacts });
  const condition = { type: 'Ready', status: 'True', lastTransitionTime: null };
  for (const name of ['n', 'broken'])
    await call('POST', '/api/v1/nodes', { metadata: { name }, status: { conditions: [condition] } });
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  await call('POST', leases, { metadata: { name: 'n' }, spec: { holderIdentity: 'n' } });
  const other = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  await call('POST', other, { metadata: { name: 'n' } });

  const { revision } = ledger;
  const node = (await call('GET', '/api/v1/nodes/n')).json;
  expect(node.status.conditions).toEqual([{ ...condition, lastHeartbeatTime: '2026-01-02T03:04:03Z' }]);
  expect((await call('GET', `${leases}/n`)).json.spec.renewTime).toBe('2026-01-02T03:04:03.500000Z');
  // What is known is fresh enough.
  expect(asked).toEqual(['n']);
  expect((await call('GET', `${other}/n`)).json.spec).toEqual({});

  clock.ms += 60_000;
  at.set('n', clock.ms);
  const listed = (await call('GET', '/api/v1/nodes')).json.items;
  expect(listed.map((item: typeof node) => item.status.conditions[0].lastHeartbeatTime)).toEqual([
    null,
    '2026-01-02T03:05:05Z',
  ]);
  expect((await call('GET', `${leases}?limit=1`)).json.items[0].spec.renewTime).toBe('2026-01-02T03:05:05.000000Z');
  const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  const rows = (await call('GET', `${leases}?includeObject=Object`, undefined, table)).json.rows;
  expect(rows[0].object.spec.renewTime).toBe('2026-01-02T03:05:05.000000Z');
  const partial = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
  expect((await call('GET', leases, undefined, partial)).json.items[0].metadata.name).toBe('n');
  expect(ledger.revision).toBe(revision);
});
