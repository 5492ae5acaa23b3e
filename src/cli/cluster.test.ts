import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { clusterFrom } from './cluster.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-cluster-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
const file = path.join(scratch, 'config');
const base64 = (text: string) => Buffer.from(text).toString('base64');

function config(user: object, cluster: object = {}, context: object = {}): string {
  return stringify({
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...context } }],
    clusters: [{ name: 'c', cluster: { server: 'https://host:6443/path/', ...cluster } }],
    users: [{ name: 'u', user }],
  });
}

test('a token, an authority, the namespace of the context', () => {
  const text = config({ token: 't' }, { 'certificate-authority-data': base64('CA') }, { namespace: 'n' });
  expect(clusterFrom(text, file)).toEqual({
    url: 'https://host:6443/path',
    namespace: 'n',
    headers: { authorization: 'Bearer t' },
    tls: { ca: 'CA' },
  });
});

test('files are relative to the kubeconfig; certificates', () => {
  for (const name of ['ca', 'crt', 'key', 'token']) fs.writeFileSync(path.join(scratch, name), `${name}\n`);
  const user = { 'client-certificate': 'crt', 'client-key': 'key', tokenFile: 'token', token: 'older' };
  const cluster = { 'certificate-authority': 'ca', 'tls-server-name': 'name', 'insecure-skip-tls-verify': true };
  expect(clusterFrom(config(user, cluster), file)).toMatchObject({
    headers: { authorization: 'Bearer token' },
    tls: { ca: 'ca\n', cert: 'crt\n', key: 'key\n', servername: 'name', rejectUnauthorized: false },
  });
  expect(() => clusterFrom(config({ 'client-key': 'absent' }), file)).toThrow(/cannot read .*absent/);
});

test('a plugin says who it is; impersonation', () => {
  const script = path.join(scratch, 'plugin');
  const answer = { kind: 'ExecCredential', status: { token: 'of-$WHO', clientCertificateData: 'crt' } };
  fs.writeFileSync(script, `#!/bin/sh\ncat <<END\n${JSON.stringify(answer)}\nEND\n`, { mode: 0o755 });
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: script,
    env: [{ name: 'WHO', value: 'jane' }],
  };
  expect(clusterFrom(config({ exec, as: 'bob', 'as-groups': ['g', 'h'] }), file)).toMatchObject({
    headers: { authorization: 'Bearer of-jane', 'impersonate-user': 'bob', 'impersonate-group': ['g', 'h'] },
    tls: { cert: 'crt' },
  });
  expect(() => clusterFrom(config({ exec: { command: '/no/such' } }), file)).toThrow(/no\/such/);
  expect(() => clusterFrom(config({ exec: { command: 'true' } }), file)).toThrow(/config: true/);
});

test.each<[string, string]>([
  ['', 'no kubeconfig'],
  ['[1]', 'no kubeconfig'],
  ['a: [', 'no kubeconfig'],
  ['{}', 'there is no context ""'],
  ['{current-context: x, contexts: null}', 'there is no context "x"'],
  [config({}, {}, { cluster: 'other' }), 'there is no cluster "other"'],
  [config({}, {}, { user: 'other' }), 'there is no user "other"'],
  [config({}, { server: 'http://host' }), 'over https only'],
  [config({}, { server: 5 }), 'the cluster has no server'],
  [config({ 'auth-provider': { name: 'gcp' } }), 'auth-provider is not supported'],
])('%j is refused', (text, message) => {
  expect(() => clusterFrom(text, file)).toThrow(message);
});

test('another context by name', () => {
  const text = config({ token: 't' });
  expect(() => clusterFrom(text, file, 'there')).toThrow('there is no context "there"');
  expect(clusterFrom(text, file, 'here').url).toContain('host');
});
