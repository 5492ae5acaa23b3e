// npm run bench access: what it costs to know who asks and whether they may, in one process, without network. The same request by
// the administrator (whom no binding decides about) and by service accounts, in clusters of few and of many bindings; the differences are
// the cost of a token and of RBAC. Under Node, not workerd: only the ratios and the order of magnitude mean something.
import { adminToken, type TestServer, testServer } from '../../src/apiserver/testing.ts';
import { openSql } from '../harness/sql.ts';
import { percentile } from './stats.ts';

const bindingCounts = [0, 500, 5000];
const requests = 5000;
const namespaces = 50;
const accounts = 200;
const configMap = '/api/v1/namespaces/ns-1/configmaps/it';

/** Microseconds of each request, one after the other; the first thousand do not count. */
async function time(
  test: TestServer,
  request: () => [method: string, path: string, token: string, body?: unknown],
  expected: number,
) {
  const samples: number[] = [];
  for (let i = -1000; i < requests; i++) {
    const [method, path, token, body] = request();
    const begun = performance.now();
    const { code, text } = await test.call(method, path, body, { authorization: `Bearer ${token}` });
    if (i >= 0) samples.push((performance.now() - begun) * 1000);
    if (code !== expected) throw new Error(`${method} ${path}: ${code} ${text}`);
  }
  return samples;
}

async function create(test: TestServer, path: string, body: object): Promise<void> {
  const { code, text } = await test.call('POST', path, body);
  if (code !== 201) throw new Error(`${path}: ${code} ${text}`);
}

/** A tenth of the bindings hold everywhere, the others in a namespace; each has two service accounts and a group. */
async function fill(test: TestServer, bindings: number): Promise<void> {
  for (let i = 0; i < namespaces; i++) await create(test, '/api/v1/namespaces', { metadata: { name: `ns-${i}` } });
  for (let i = 0; i < accounts; i++)
    await create(test, `/api/v1/namespaces/ns-${i % namespaces}/serviceaccounts`, { metadata: { name: `sa-${i}` } });
  await create(test, '/api/v1/namespaces/ns-1/configmaps', { metadata: { name: 'it' }, data: { a: 'b' } });
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const account = (i: number) => ({
    kind: 'ServiceAccount',
    namespace: `ns-${i % namespaces}`,
    name: `sa-${i % accounts}`,
  });
  const binding = (i: number) => ({
    metadata: { name: `b-${i}` },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: ['view', 'edit', 'system:discovery'][i % 3],
    },
    subjects: [
      account(i),
      account(i * 7 + 2),
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: `group-${i % 500}` },
    ],
  });
  for (let i = 0; i < bindings; i++)
    await create(
      test,
      i % 10 === 0 ? `${rbac}/clusterrolebindings` : `${rbac}/namespaces/ns-${i % namespaces}/rolebindings`,
      binding(i),
    );
  // The one that the measured account is allowed by.
  await create(test, `${rbac}/namespaces/ns-1/rolebindings`, { ...binding(1), metadata: { name: 'measured' } });
}

async function tokenOf(test: TestServer, account: number): Promise<string> {
  const path = `/api/v1/namespaces/ns-${account % namespaces}/serviceaccounts/sa-${account}/token`;
  const { json } = await test.call('POST', path, { spec: {} });
  return json.status.token as string;
}

const microseconds = (samples: readonly number[]): string =>
  `p50 ${percentile(samples, 50).toFixed(0).padStart(5)} µs   p99 ${percentile(samples, 99).toFixed(0).padStart(5)} µs`;

export async function measureAccess(): Promise<void> {
  for (const bindings of bindingCounts) {
    const test = await testServer(openSql());
    await fill(test, bindings);
    console.log(`${bindings} bindings`);
    const print = (name: string, samples: readonly number[], base?: readonly number[]) => {
      const more = base ? percentile(samples, 50) - percentile(base, 50) : undefined;
      console.log(
        `  ${name.padEnd(52)} ${microseconds(samples)}${more === undefined ? '' : `   ${more.toFixed(0)} µs more`}`,
      );
    };
    const token = await tokenOf(test, 1);
    const get = await time(test, () => ['GET', configMap, adminToken], 200);
    print('get, by the administrator', get);
    print('get, by a service account', await time(test, () => ['GET', configMap, token], 200), get);
    const stranger = await tokenOf(test, 5);
    print(
      'get, refused',
      await time(
        test,
        () => ['GET', `${configMap}s`.replace('/it', '/other').replace('ns-1/', 'ns-3/'), stranger],
        403,
      ),
      get,
    );
    const review = { spec: { token } };
    const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
    print('token review of a token seen before', await time(test, () => ['POST', reviews, adminToken, review], 201));
    const tokens = await Promise.all(Array.from({ length: requests + 1000 }, () => tokenOf(test, 1)));
    let next = 0;
    print(
      'token review of a new token',
      await time(test, () => ['POST', reviews, adminToken, { spec: { token: tokens[next++] } }], 201),
    );
    // Taken back is taken back.
    await test.call('DELETE', '/apis/rbac.authorization.k8s.io/v1/namespaces/ns-1/rolebindings', undefined);
    const { code } = await test.call('DELETE', configMap, undefined, { authorization: `Bearer ${token}` });
    if (code !== 403) throw new Error(`after its bindings were deleted: ${code}`);
  }
}
