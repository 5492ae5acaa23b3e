// Audit events of a whole server: what each level says, at which stage, of whom; and what none ever says.
import { describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { readConfiguration } from '../../configuration/configuration.ts';
import { adminToken, openWatch, testServer } from '../testing.ts';

// biome-ignore lint/suspicious/noExplicitAny: events carry objects of every kind
type Event = any;

async function audited(rules: object[], more: { policy?: object; sinks?: object } = {}) {
  const events: Event[] = [];
  const lines: string[] = [];
  const configuration = readConfiguration([
    { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more.policy },
    ...(more.sinks ? [{ apiVersion: 'tiffin.dev/v1', kind: 'AuditSinks', ...more.sinks }] : []),
  ]);
  const line = (event: string) => {
    lines.push(event);
    events.push(JSON.parse(event));
  };
  const server = await testServer(openSql(), { configuration, audit: { line, waitUntil() {} } });
  return { ...server, events, lines };
}

const configMap = (name: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const core = { group: '', resources: ['configmaps'] };

describe('an event', () => {
  it('says who did what, when, and what came of it', async () => {
    const { call, events } = await audited([{ level: 'RequestResponse', resources: [core] }]);
    await call('POST', '/api/v1/namespaces/default/configmaps?fieldManager=me', configMap('a', { k: 'v' }), {
      'user-agent': 'kubectl/v1.36.0',
      'audit-id': 'abc',
      'x-forwarded-for': '1.2.3.4',
    });
    const [received, complete] = events;
    expect(received).toEqual({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'RequestResponse',
      auditID: 'abc',
      stage: 'RequestReceived',
      requestURI: '/api/v1/namespaces/default/configmaps?fieldManager=me',
      verb: 'create',
      user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
      userAgent: 'kubectl/v1.36.0',
      objectRef: { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' },
      requestReceivedTimestamp: '2026-01-02T03:04:05.000000Z',
      stageTimestamp: '2026-01-02T03:04:05.000000Z',
    });
    expect(complete).toMatchObject({
      stage: 'ResponseComplete',
      auditID: 'abc',
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' },
      responseStatus: { metadata: {}, code: 201 },
      requestObject: { kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } },
      responseObject: { kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: { k: 'v' } },
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    });
    expect(complete.responseObject.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(events).toHaveLength(2);
  });
  it.each([
    ['Metadata', false, false],
    ['Request', true, false],
    ['RequestResponse', true, true],
  ])('of level %s has bodies as that says', async (level, request, response) => {
    const { call, events } = await audited([{ level, omitStages: ['RequestReceived'] }]);
    await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a'));
    await call('PATCH', '/api/v1/namespaces/default/configmaps/a', { data: { x: 'y' } });
    await call('GET', '/api/v1/namespaces/default/configmaps/a', undefined, { accept: 'application/yaml' });
    await call('GET', '/api/v1/namespaces/default/configmaps');
    await call('DELETE', '/api/v1/namespaces/default/configmaps/a', { propagationPolicy: 'Background' });
    expect(events.map(({ verb }) => verb)).toEqual(['create', 'patch', 'get', 'list', 'delete']);
    expect(events.map((event) => 'requestObject' in event)).toEqual([request, request, false, false, request]);
    expect(events.map((event) => 'responseObject' in event)).toEqual(Array(5).fill(response));
    if (response) expect(events[2].responseObject).toMatchObject({ kind: 'ConfigMap', data: { x: 'y' } });
    if (request) expect(events[1].requestObject).toEqual({ data: { x: 'y' } });
  });
  it('of a refusal carries its Status, and which rule was missing', async () => {
    const { call, events } = await audited([{ level: 'Metadata', omitStages: ['RequestReceived'] }]);
    await call('GET', '/api/v1/namespaces/default/configmaps/a');
    await call('GET', '/api/v1/secrets', undefined, { 'impersonate-user': 'eve', 'impersonate-group': 'readers' });
    expect(events[0].responseStatus).toMatchObject({ metadata: {}, status: 'Failure', reason: 'NotFound', code: 404 });
    expect(events[1]).toMatchObject({
      user: { username: 'kubernetes-admin' },
      impersonatedUser: { username: 'eve', groups: ['readers', 'system:authenticated'] },
      responseStatus: { reason: 'Forbidden', code: 403 },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
  });
  it('of somebody who may not impersonate is his own', async () => {
    const { server, call, events } = await audited([{ level: 'Metadata', omitStages: ['RequestReceived'] }]);
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'sa' } });
    const { json } = await call('POST', '/api/v1/namespaces/default/serviceaccounts/sa/token', {});
    const headers = { authorization: `Bearer ${json.status.token}`, 'impersonate-user': 'admin' };
    await server.fetch(new Request('https://cluster.test/api/v1/secrets', { headers }));
    const last = events.at(-1);
    expect(last.user.username).toBe('system:serviceaccount:default:sa');
    expect(last.responseStatus.code).toBe(403);
    expect(last.impersonatedUser).toBeUndefined();
  });
  it('tells of who could not say who he is', async () => {
    const { server, events, lines } = await audited([
      { level: 'None', users: ['system:anonymous'] },
      { level: 'Metadata' },
    ]);
    const get = (headers: Record<string, string>) =>
      server.fetch(new Request('https://cluster.test/api/v1/secrets?access_token=hushhush', { headers }));
    await get({ authorization: 'Bearer forged-marker' });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      stage: 'ResponseStarted',
      user: {},
      requestURI: '/api/v1/secrets?access_token=<hidden>',
      responseStatus: { code: 401, message: 'Authentication failed, attempted: bearer, access_token' },
    });
    expect(lines.join()).not.toMatch(/forged-marker|hushhush/);
  });
  it('of a watch comes when it begins and when it ends', async () => {
    const { server, call, events } = await audited([{ level: 'Metadata', verbs: ['watch'] }]);
    await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a'));
    const watch = await openWatch(server, '/api/v1/configmaps?watch=1');
    await watch.next();
    expect(events.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseStarted']);
    await watch.cancel();
    expect(events.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete']);
    expect(server.watches).toBe(0);
  });
  it('carries what admission has to say', async () => {
    const { call, events } = await audited([{ level: 'Metadata', resources: [{ group: '', resources: ['pods'] }] }]);
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    await call('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec });
    expect(events.at(-1).annotations['pod-security.kubernetes.io/enforce-policy']).toBe('privileged:latest');
  });
  it('has no managed fields where they are left out', async () => {
    for (const omit of [true, false]) {
      const { call, lines } = await audited([{ level: 'RequestResponse' }], { policy: { omitManagedFields: omit } });
      await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a', { k: 'v' }));
      await call('GET', '/api/v1/namespaces/default/configmaps');
      expect(lines.join('').includes('managedFields')).toBe(!omit);
    }
  });
  it('that is too long goes without its bodies, and says so', async () => {
    const sinks = { truncateMaxEventSize: 4096 };
    const { call, lines, events } = await audited([{ level: 'RequestResponse', omitStages: ['RequestReceived'] }], {
      sinks,
    });
    const path = '/api/v1/namespaces/default/configmaps';
    await call('POST', path, configMap('a', { k: 'ü'.repeat(5000) }));
    await call('GET', `${path}/a`);
    await call('GET', `${path}?labelSelector=${'a'.repeat(9000)}`, undefined, { 'user-agent': 'x'.repeat(9000) });
    for (const event of events) {
      expect(event.annotations?.['audit.k8s.io/truncated']).toBe('true');
      expect(event.requestObject ?? event.responseObject).toBeUndefined();
    }
    for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThan(4096);
  });
  it('is not made without a policy', async () => {
    const lines: string[] = [];
    const { call } = await testServer(openSql(), { audit: { line: (event) => lines.push(event), waitUntil() {} } });
    await call('GET', '/api/v1/namespaces');
    expect(lines).toEqual([]);
  });
  it('is counted', async () => {
    const { call } = await audited([{ level: 'Metadata' }]);
    await call('GET', '/api/v1/namespaces');
    const { text } = await call('GET', '/metrics');
    expect(text).toMatch(/apiserver_audit_event_total 3\n/);
    expect(text).toMatch(/apiserver_audit_level_total\{level="Metadata"\} 2\n/);
  });
});

describe('no secret', () => {
  const marker = 'MARKER';
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', annotations: { last: marker } },
    stringData: { k: marker },
  };
  const path = '/api/v1/namespaces/default/secrets';
  /** Everything one can do to a Secret or a token, right or wrong. */
  async function everything({ call, server }: Awaited<ReturnType<typeof audited>>): Promise<string[]> {
    const tokens: string[] = [];
    await call('POST', path, secret);
    await call('POST', path, { ...secret, data: { k: marker, 'not a key': 'x' } });
    await call('POST', `${path}?fieldValidation=Strict`, { ...secret, [marker]: marker, type: { marker } });
    await call('POST', path, `{"metadata":{"name":"t"},"stringData":{"k":"${marker}`);
    await call('PUT', `${path}/s`, { ...secret, immutable: true });
    await call('PUT', `${path}/s`, { ...secret, stringData: { k: `${marker}2` } });
    await call('PATCH', `${path}/s`, { stringData: { k: `${marker}3` } });
    await call('PATCH', `${path}/s`, `{"${marker}`, { 'content-type': 'application/json-patch+json' });
    await call('PATCH', `${path}/s`, JSON.stringify([{ op: 'test', path: '/data/k', value: marker }]), {
      'content-type': 'application/json-patch+json',
    });
    await call('PATCH', `${path}/s?fieldManager=m&force=true`, JSON.stringify(secret), {
      'content-type': 'application/apply-patch+yaml',
    });
    for (const accept of ['application/json', 'application/yaml', 'application/json;as=Table;v=v1;g=meta.k8s.io'])
      for (const one of [path, `${path}/s`]) await call('GET', one, undefined, { accept });
    const watch = await openWatch(server, `${path}?watch=1`);
    await watch.next();
    await watch.cancel();
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'sa' } });
    const { json } = await call('POST', '/api/v1/namespaces/default/serviceaccounts/sa/token', {});
    tokens.push(json.status.token, adminToken);
    for (const token of [...tokens, `${json.status.token}x`])
      await call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } });
    await call('DELETE', `${path}/s`);
    return tokens;
  }

  it('of an object is in an event of level Metadata', async () => {
    const server = await audited([{ level: 'Metadata' }]);
    await everything(server);
    const text = server.lines.join('\n');
    // Names of fields that do not exist are no values.
    expect(
      text.replaceAll(`unknown field \\"${marker}\\"`, '').replaceAll(`unknown field \\\\\\"${marker}\\\\\\"`, ''),
    ).not.toContain(marker);
    expect(text).not.toContain(btoa(marker).slice(0, 6));
    expect(server.events.length).toBeGreaterThan(40);
  });
  it('that is a token is in an event of any level', async () => {
    const server = await audited([{ level: 'RequestResponse' }]);
    const tokens = await everything(server);
    const text = server.lines.join('\n');
    for (const token of tokens) expect(text).not.toContain(token);
    expect(text).toContain('<hidden>');
    // Who asks for the bodies of Secrets gets them.
    expect(text).toContain(marker);
  });
});
