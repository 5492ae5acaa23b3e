import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

test('a PUT creates what is absent only for those who may create it', async () => {
  const asked: string[] = [];
  let mayCreate = false;
  const { call } = await testServer(openSql(), {
    authorizer: {
      authorize({ verb, namespace, resource, name }) {
        asked.push(`${verb} ${namespace}/${resource}/${name}`);
        return verb === 'create' && !mayCreate ? { allowed: false, reason: '' } : { allowed: true, reason: '' };
      },
    },
  });
  const put = (query = '', resourceVersion = '') =>
    call('PUT', `${leases}/a${query}`, { metadata: { name: 'a', resourceVersion }, spec: {} });
  for (const query of ['', '?dryRun=All'])
    expect((await put(query)).json).toMatchObject({ code: 403, reason: 'Forbidden' });
  expect(asked.slice(-2)).toEqual(['update default/leases/a', 'create default/leases/a']);
  expect((await call('GET', `${leases}/a`)).code).toBe(404);
  mayCreate = true;
  const created = await put();
  expect(created.code).toBe(201);
  mayCreate = false;
  expect((await put('', created.json.metadata.resourceVersion)).code).toBe(200);
});
