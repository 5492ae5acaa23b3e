// What a request to a `connect` subresource begins: the stream, and whose, or upstream's refusal.
import { expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { core, server, socket } from './testing.ts';

test('exec, attach and port-forward say what is asked of whom, in which protocol', async () => {
  const { call, uid } = await server(openSql());
  const of = { id: expect.any(String), namespace: 'default', pod: 'p', podUid: uid };
  const query = 'container=b&stdin=true&stdout=1&stderr=true&command=sh&command=-c&command=a%20b';
  const exec = await call('GET', `${core}/pods/p/exec?${query}`, undefined, socket);
  const streams = { stdin: true, stdout: true, stderr: true, tty: false };
  const protocol = 'v5.channel.k8s.io';
  expect(exec.json).toEqual({
    node: 'n1',
    offer: { ...of, kind: 'exec', container: 'b', command: ['sh', '-c', 'a b'], ...streams, protocol },
  });
  const attach = await call(
    'GET',
    `${core}/pods/p/attach?container=a&stdout=true&stderr=true&tty=true`,
    undefined,
    socket,
  );
  expect(attach.json.offer).toEqual({
    ...of,
    kind: 'attach',
    container: 'a',
    stdin: false,
    stdout: true,
    stderr: false,
    tty: true,
    protocol,
  });
  const tunnel = { upgrade: 'websocket', 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' };
  expect((await call('GET', `${core}/pods/p/portforward`, undefined, tunnel)).json.offer).toEqual({
    ...of,
    kind: 'portforward',
    ports: [],
    protocol: 'SPDY/3.1+portforward.k8s.io',
  });
  expect(
    (await call('GET', `${core}/pods/p/portforward?ports=80,81&ports=82`, undefined, socket)).json.offer.ports,
  ).toEqual([80, 81, 82]);
});

test.each([
  ['exec?container=a&stdout=true', socket, 400, 'you must specify at least 1 command for the container'],
  ['exec?container=a&command=x', socket, 400, 'you must specify at least 1 of stdin, stdout, stderr'],
  ['exec?container=c&command=x&stdout=true', socket, 400, 'container c is not valid for pod p'],
  ['exec?command=x', socket, 400, 'a container name must be specified for pod p, choose one of: [a b]'],
  ['exec?container=a&command=x&stdout=true', {}, 400, 'Upgrade request required'],
  [
    'exec?container=a&command=x&stdout=true',
    { upgrade: 'SPDY/3.1' },
    400,
    /not served over SPDY.*WebSocket.*kubectl 1\.31/,
  ],
  ['exec?container=a&command=x&stdout=true', { ...socket, 'sec-websocket-protocol': 'x' }, 403, /not supported: \[x\]/],
  ['portforward?ports=0', socket, 400, 'port "0" must be > 0'],
  ['portforward?ports=x', socket, 400, /unable to parse "x" as a port/],
  ['portforward', socket, 400, 'query parameter "port" is required'],
] as const)('%s: %s', async (path, headers, code, message) => {
  const { call } = await server(openSql());
  const answer = await call('GET', `${core}/pods/p/${path}`, undefined, headers);
  expect(answer.code).toBe(code);
  expect(answer.json.message).toMatch(message);
});

test('who may only read cannot begin a WebSocket into a pod', async () => {
  const { call } = await server(openSql());
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const streams = ['pods/exec', 'pods/attach', 'pods/portforward'];
  const role = (verbs: string[]) => ({
    metadata: { name: 'r' },
    rules: [{ apiGroups: [''], resources: streams, verbs }],
  });
  await call('POST', `${rbac}/roles`, role(['get']));
  await call('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'r' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' }],
  });
  const paths = ['exec?container=a&command=x&stdout=true', 'attach?container=a&stdout=true', 'portforward?ports=1'];
  const ask = (path: string) =>
    call('GET', `${core}/pods/p/${path}`, undefined, { ...socket, 'impersonate-user': 'eve' });
  for (const path of paths) expect((await ask(path)).code).toBe(403);
  await call('PUT', `${rbac}/roles/r`, role(['get', 'create']));
  for (const path of paths) expect((await ask(path)).code).toBe(200);
});

test('who may not begin a WebSocket, and comes back with SPDY as kubectl does, hears of the right', async () => {
  const { call } = await server(openSql());
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const role = (verbs: string[]) => ({
    metadata: { name: 'r' },
    rules: [{ apiGroups: [''], resources: ['pods/exec', 'pods/portforward'], verbs }],
  });
  await call('POST', `${rbac}/roles`, role(['create']));
  await call('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'r' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' }],
  });
  const ask = (path: string) =>
    call('POST', `${core}/pods/p/${path}`, undefined, { upgrade: 'SPDY/3.1', 'impersonate-user': 'eve' });
  const paths = ['exec?container=a&command=x&stdout=true', 'portforward'];
  for (const path of paths) {
    const { code, json } = await ask(path);
    expect(code).toBe(403);
    expect(json.message).toMatch(/User "eve" cannot get resource "pods\/(exec|portforward)" in API group ""/);
  }
  await call('PUT', `${rbac}/roles/r`, role(['get', 'create']));
  for (const path of paths) {
    const { code, json } = await ask(path);
    expect(code).toBe(400);
    expect(json.message).toContain('not served over SPDY');
  }
});

test('a proxied request, as the client wrote it', async () => {
  const { call, uid } = await server(openSql());
  const { json } = await call('GET', `${core}/pods/https:p:8443/proxy/a%2Fb/%20c/?q=%41&x`, undefined, {
    cookie: 'c=1',
    'impersonate-user': 'kubernetes-admin',
    'impersonate-group': 'system:masters',
  });
  expect(json).toEqual({
    node: 'n1',
    offer: {
      id: expect.any(String),
      kind: 'http',
      target: { type: 'pod', namespace: 'default', pod: 'p', podUid: uid, port: 8443 },
      scheme: 'https',
      method: 'GET',
      path: '/a%2Fb/%20c/?q=%41&x',
      headers: [['cookie', 'c=1']],
      body: false,
      prefix: `${core}/pods/https:p:8443/proxy`,
    },
  });
  const { offer } = (await call('GET', `${core}/pods/p/proxy/ws`, undefined, { ...socket, 'sec-websocket-key': 'x' }))
    .json;
  expect(offer).toMatchObject({ target: { port: 8080 }, path: '/ws', protocol: socket['sec-websocket-protocol'] });
  const redirected = await call('GET', `${core}/pods/p/proxy?a=b`);
  expect([redirected.code, redirected.headers.get('location')]).toEqual([301, `${core}/pods/p/proxy/?a=b`]);
  expect((await call('POST', `${core}/pods/p/proxy`, {})).json.offer).toMatchObject({ method: 'POST', path: '/' });
});

test('what a client proves itself with does not reach a pod, however it came', async () => {
  const { call } = await server(openSql());
  const bearer = `base64url.bearer.authorization.k8s.io.${btoa('secret').replaceAll('=', '')}`;
  const cookie = 'a=1; CF_Authorization=secret; b=2;CF_AppSession=secret; CF_Binding=secret; x_CF_Authorization=3';
  const headers = { cookie, 'cf-access-client-secret': 'secret' };
  for (const [offered, protocol] of [
    [`a, ${bearer}, b`, 'a, b'],
    [`${bearer},a`, 'a'],
    [bearer, ''],
  ]) {
    const websocket = { ...headers, upgrade: 'websocket', 'sec-websocket-protocol': offered! };
    for (const path of [`${core}/pods/p/proxy/`, `${core}/services/s:http/proxy/`, '/api/v1/nodes/n1/proxy/']) {
      const { json } = await call('GET', path, undefined, websocket);
      expect(json.offer).toMatchObject({ protocol });
      expect(json.offer.headers).toContainEqual(['cookie', 'a=1; b=2; x_CF_Authorization=3']);
      expect(JSON.stringify(json.offer)).not.toMatch(/secret|bearer/i);
    }
  }
  const { offer } = (await call('GET', `${core}/pods/p/proxy/`, undefined, { cookie: 'CF_Authorization=secret' })).json;
  expect(offer.headers).toEqual([]);
  const exec = (offered: string) =>
    call('GET', `${core}/pods/p/exec?container=a&command=x&stdout=true`, undefined, {
      upgrade: 'websocket',
      'sec-websocket-protocol': `${bearer}, ${offered}`,
    });
  expect((await exec('v5.channel.k8s.io')).json.offer.protocol).toBe('v5.channel.k8s.io');
  expect((await exec('v9')).json.message).toContain('requested protocol(s) are not supported: [v9]; supports');
});

test('a proxy passes on every method that upstream has routes for; commands are no proxies', async () => {
  const { call } = await server(openSql());
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    for (const path of [`${core}/pods/p`, `${core}/services/s:http`, '/api/v1/nodes/n1'])
      expect([method, (await call(method, `${path}/proxy/x`)).code]).toEqual([method, 200]);
  expect((await call('OPTIONS', `${core}/pods/p/proxy/x`)).json.offer).toMatchObject({ method: 'OPTIONS', path: '/x' });
  expect((await call('HEAD', `${core}/pods/p/proxy`)).code).toBe(301);
  expect((await call('QUERY', `${core}/pods/p/proxy/x`)).code).toBe(405);
  for (const method of ['HEAD', 'OPTIONS', 'PUT', 'DELETE'])
    expect((await call(method, `${core}/pods/p/exec?command=x`, undefined, socket)).code).toBe(405);
});

test('a Service by name or number of its port, and a node by itself or by a port', async () => {
  const { call, uid } = await server(openSql());
  const to = async (path: string) => {
    const { code, json } = await call('GET', path);
    return code === 200 ? { node: json.node, ...json.offer.target } : [code, json.message];
  };
  const pod = { node: 'n1', type: 'pod', namespace: 'default', pod: 'p', podUid: uid, port: 8080 };
  expect(await to(`${core}/services/s:http/proxy/`)).toEqual(pod);
  expect(await to(`${core}/services/s:80/proxy/`)).toEqual(pod);
  expect(await to(`${core}/services/https:s:80/proxy/`)).toEqual(pod);
  const none = (name: string) => [503, `no endpoints available for service "${name}"`];
  expect(await to(`${core}/services/s/proxy/`)).toEqual(none('s'));
  expect(await to(`${core}/services/s:other/proxy/`)).toEqual(none('s'));
  expect(await to(`${core}/services/lonely:http/proxy/`)).toEqual(none('lonely'));
  expect(await to(`${core}/services/s:82/proxy/`)).toEqual([503, 'no service port 82 found for service "s"']);
  expect(await to(`${core}/services/absent/proxy/`)).toEqual([404, 'services "absent" not found']);
  expect(await to(`${core}/services/ftp:s:http/proxy/`)).toEqual([400, 'invalid service request "ftp:s:http"']);
  const address = { node: 'n1', type: 'address', address: '203.0.113.7', port: 8080 };
  expect(await to(`${core}/services/elsewhere:http/proxy/`)).toEqual(address);
  expect(await to('/api/v1/nodes/n1/proxy/healthz')).toEqual({ node: 'n1', type: 'node' });
  expect(await to('/api/v1/nodes/n1:10250/proxy/healthz')).toEqual({ node: 'n1', type: 'node' });
  expect(await to('/api/v1/nodes/n1:9100/proxy/metrics')).toEqual({
    node: 'n1',
    type: 'address',
    address: '192.0.2.1',
    port: 9100,
  });
  expect(await to('/api/v1/nodes/n1:0/proxy/metrics')).toEqual([400, 'invalid port "0"']);
  expect(await to(`${core}/pods/unbound/proxy/`)).toEqual([400, 'address not allowed']);
});

test.each([
  [undefined, ''],
  ['x, base64.binary.k8s.io, binary.k8s.io', 'base64.binary.k8s.io'],
  ['binary.k8s.io', 'binary.k8s.io'],
])('a log as messages, for a client that offers %s; the right to read is enough', async (offered, protocol) => {
  const { call } = await server(openSql());
  const headers = { upgrade: 'websocket', ...(offered === undefined ? {} : { 'sec-websocket-protocol': offered }) };
  const { json } = await call('GET', `${core}/pods/p/log?container=b&follow=true&tailLines=3`, undefined, headers);
  expect(json.offer).toMatchObject({
    kind: 'log',
    container: 'b',
    options: { follow: 'true', tailLines: '3' },
    protocol,
  });
});

test('a log as messages is refused as upstream does; without an upgrade there are none', async () => {
  const { call } = await server(openSql());
  const ask = (query: string, headers: Record<string, string>) =>
    call('GET', `${core}/pods/p/log?${query}`, undefined, headers);
  expect((await ask('container=a', socket)).code).toBe(403);
  expect((await ask('container=a&tailLines=-1', { upgrade: 'websocket' })).code).toBe(422);
  expect((await ask('container=nobody', { upgrade: 'websocket' })).code).toBe(400);
  expect((await ask('container=a', { 'sec-websocket-protocol': 'binary.k8s.io' })).json.offer.protocol).toBeUndefined();
});
