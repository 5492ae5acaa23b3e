// The line at the end of a refusal, given to a real shell: what it would create makes the request pass.
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { type TestServer, testServer } from '../testing.ts';

const group = 'rbac.authorization.k8s.io';

/** What kubectl is called with by the line, and what it reads. */
function run(line: string): { args: string[]; input: string }[] {
  const kubectl = `kubectl() { for a; do printf '%s\\0' "$a"; done; [ "$1" != apply ] || cat; printf '\\1'; }`;
  const out = execFileSync('sh', ['-c', `${kubectl}\n${line}`], { encoding: 'utf8' });
  const calls = out.split('\u0001');
  expect(calls.pop()).toBe('');
  return calls.map((call) => {
    const args = call.split('\0');
    return { input: args.pop() as string, args };
  });
}

// biome-ignore lint/suspicious/noExplicitAny: objects of four kinds
type Made = any;

/** `kubectl create role …`, as kubectl reads its flags. */
function made(args: string[]): Made {
  const [create, kind = '', name, ...rest] = args;
  expect(create).toBe('create');
  const flags = new Map<string, string[]>();
  let namespace: string | undefined;
  for (let i = 0; i < rest.length; i++) {
    if (rest[i] === '-n') namespace = rest[++i];
    else {
      const [, flag = '', value = ''] = /^--([a-z-]+)=([\s\S]*)$/.exec(rest[i] as string) ?? [];
      flags.set(flag, [...(flags.get(flag) ?? []), value]);
    }
  }
  const of = (flag: string) => flags.get(flag) ?? [];
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  if (!kind.endsWith('binding')) {
    const [, resource = '', apiGroup = '', subresource = ''] =
      /^([^./]+)\.?([^/]*)(\/.*)?$/.exec(of('resource')[0] ?? '') ?? [];
    const verbs = of('verb');
    const urls = of('non-resource-url');
    const rule =
      urls.length > 0
        ? { verbs, nonResourceURLs: urls }
        : { verbs, apiGroups: [apiGroup], resources: [resource + subresource], resourceNames: of('resource-name') };
    return { kind: kind === 'role' ? 'Role' : 'ClusterRole', metadata, rules: [rule] };
  }
  const role = of('role')[0];
  const account = of('serviceaccount')[0]?.split(':');
  const subjects = [
    ...of('user').map((one) => ({ kind: 'User', name: one })),
    ...of('group').map((one) => ({ kind: 'Group', name: one })),
    ...(account ? [{ kind: 'ServiceAccount', namespace: account[0], name: account[1] }] : []),
  ];
  const roleRef = role ? { kind: 'Role', name: role } : { kind: 'ClusterRole', name: of('clusterrole')[0] };
  return { kind: kind === 'rolebinding' ? 'RoleBinding' : 'ClusterRoleBinding', metadata, roleRef, subjects };
}

async function apply(call: TestServer['call'], line: string): Promise<void> {
  for (const { args, input } of run(line))
    for (const object of args[0] === 'apply' ? JSON.parse(input).items : [made(args)]) {
      const { namespace } = object.metadata;
      const place = namespace ? `namespaces/${namespace}/` : '';
      const answer = await call('POST', `/apis/${group}/v1/${place}${object.kind.toLowerCase()}s`, object);
      expect(answer.code, answer.text).toBe(201);
    }
}

const hostile = `x'; touch pwned; echo "$(id)\` & <b>`;

test.each<[string, string, string, string?]>([
  ['jane', 'GET', '/api/v1/namespaces/shop/pods'],
  ['jane', 'GET', '/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dx'],
  ['jane', 'POST', '/apis/apps/v1/namespaces/shop/deployments', '{}'],
  ['jane', 'GET', '/apis/apps/v1/namespaces/shop/deployments/web/scale'],
  ['jane', 'GET', `/api/v1/namespaces/shop/configmaps/${encodeURIComponent(hostile)}`],
  ['jane', 'GET', '/api/v1/namespaces/shop/configmaps/a%0Ab%E2%80%AE'],
  ['jane', 'GET', '/api/v1/namespaces/shop'],
  ['jane', 'DELETE', '/api/v1/nodes/n'],
  ['jane', 'DELETE', '/api/v1/namespaces/shop/secrets'],
  ['jane', 'GET', '/metrics'],
  ['jane', 'POST', '/metrics'],
  ['jane', 'GET', '/a,b'],
  ['jane', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', '{}'],
  [hostile, 'GET', '/api/v1/nodes'],
  ['jane@example.com', 'GET', '/api/v1/nodes'],
  ['system:serviceaccount:tools:ci', 'GET', '/api/v1/namespaces/shop/secrets/s'],
])('%s: %s %s', async (name, method, path, body) => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
  const ask = () => call(method, path, body, { 'impersonate-user': name });
  const refused = await ask();
  expect(refused.code).toBe(403);
  const [, line = ''] = /: to allow it: ([^\n]*)$/.exec(refused.json.message) ?? [];
  await apply(call, line);
  const { code, json } = await ask();
  expect(code, json?.message).not.toBe(403);
});

test('who may not impersonate is told of that', async () => {
  const { call } = await testServer(openSql());
  const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'a' } });
  const { token } = (await call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} })).json
    .status;
  const ask = () => call('POST', review, {}, { authorization: `Bearer ${token}`, 'impersonate-user': 'jane' });
  // Whom, and what in his name.
  for (const verb of ['impersonate-on:user-info:create', 'impersonate:user-info']) {
    const { message } = (await ask()).json;
    expect(message).toContain(`cannot ${verb} resource`);
    await apply(call, /: to allow it: ([^\n]*)$/.exec(message)?.[1] ?? '');
  }
  expect((await ask()).json.status.userInfo.username).toBe('jane');
});

test('no line for strangers, nodes, what is not there, and what would allow more', async () => {
  const { call } = await testServer(openSql());
  const message = async (path: string, headers: Record<string, string>) =>
    (await call('GET', path, undefined, headers)).json.message as string;
  const jane = { 'impersonate-user': 'jane' };
  expect(await message('/api/v1/pods', jane)).toContain('to allow it: ');
  const node = { 'impersonate-user': 'system:node:n', 'impersonate-group': 'system:nodes' };
  for (const [path, headers] of [
    ['/api/v1/pods', { authorization: '' }],
    ['/api/v1/pods', { 'impersonate-user': 'system:anonymous' }],
    ['/api/v1/persistentvolumes', node],
    ['/api/v1/cats', jane],
    ['/api/v1/*', jane],
    ['/api/v1/namespaces/x/pods/y/*', jane],
    ['/x*', jane],
    [`/api/v1/namespaces/x/pods/${'y'.repeat(5000)}`, jane],
  ] as const) {
    const text = await message(path, headers);
    expect(text).toContain('cannot');
    expect(text).not.toContain('to allow it');
  }
});
