// What is large in one dimension takes time in proportion to it. The limit is far above what each takes (some hundred
// milliseconds) and far below what it would take if it were compared with itself item by item.
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const limitMs = 4_000;
const many = <T>(length: number, item: (n: number) => T): T[] => Array.from({ length }, (_, n) => item(n));
const owner = { apiVersion: 'v1', kind: 'Pod' };
const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, container: object) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', ...container }] },
});

const cases: Record<string, [path: string, body: object | string, contentType?: string]> = {
  'owners of one uid': [
    configMaps,
    { metadata: { name: 'a', ownerReferences: many(20_000, (n) => ({ ...owner, name: `p${n}`, uid: 'u' })) } },
  ],
  'owners that are the same': [
    configMaps,
    { metadata: { name: 'b', ownerReferences: many(20_000, () => ({ ...owner, name: 'p', uid: 'u' })) } },
  ],
  'owners of many uids': [
    configMaps,
    { metadata: { name: 'c', ownerReferences: many(20_000, (n) => ({ ...owner, name: 'p', uid: `u${n}` })) } },
  ],
  'variables of one name': [pods, pod('d', { env: many(20_000, () => ({ name: 'E', value: 'x' })) })],
  'variables of many names': [pods, pod('e', { env: many(20_000, (n) => ({ name: `E${n}`, value: 'x' })) })],
  'keys of YAML that come again': [
    configMaps,
    `metadata: {name: f}\n${'immutable: false\n'.repeat(20_000)}`,
    'application/yaml',
  ],
  finalizers: [configMaps, { metadata: { name: 'g', finalizers: many(40_000, (n) => `a.b/${n}`) } }],
  'unknown fields': [configMaps, { metadata: { name: 'h' }, ...Object.fromEntries(many(50_000, (n) => [`k${n}`, 1])) }],
};

test.each(Object.entries(cases))('%s', async (_name, [path, body, contentType]) => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const begunMs = performance.now();
  const answer = await call('POST', path, body, contentType ? { 'content-type': contentType } : undefined);
  expect(performance.now() - begunMs).toBeLessThan(limitMs);
  expect(answer.code).toBe(201);
  // Clients read headers into small buffers.
  expect((answer.headers.get('warning') ?? '').length).toBeLessThan(8192);
});
