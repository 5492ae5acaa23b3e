// A node's way in, through the Worker: a token that is used once, sealed for the cluster's key; renewal; revocation under way.

import 'reflect-metadata';
import { reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, it } from 'vitest';
import { openSealed, seal } from '../../src/protocol/sealed.ts';
import { certificateSigner } from '../../workers/adapters/signer.ts';
import type { Env } from '../../workers/env.ts';

const bindings = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const token = 'abcdef.0123456789abcdef';
const credentialOf = (letter: string) => `tiffin-node.${letter.repeat(43)}`;

async function call(method: string, path: string, bearer: string | undefined, body?: unknown) {
  const response = await worker.fetch(`https://tiffin.test${path}`, {
    method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape, looked at field by field
  return { status: response.status, body: (await response.json()) as any };
}

const oneTimeToken = () =>
  call('POST', '/api/v1/namespaces/kube-system/secrets', 'test-admin', {
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'joins-left': '1',
    },
  });

const sync = (node: string, bearer: string, waitMs = 0) =>
  call('POST', `/tiffin.dev/v1/nodes/${node}/sync`, bearer, {
    since: 0,
    epoch: '',
    serviceRevision: 0,
    waitMs,
    session: 's',
  });

afterEach(() => reset());

it('is opened once by a token, in a message for the cluster alone; asking again after a lost answer is no second time', async () => {
  await oneTimeToken();
  const { ca } = (await call('GET', '/tiffin.dev/v1/cluster', undefined)).body;
  const { X509Certificate } = await import('@peculiar/x509');
  const key = new Uint8Array(new X509Certificate(ca).publicKey.rawData);
  const joins = async (nodeName: string, credential: string) => {
    const { message, open } = await seal(key, { token, nodeName, credential });
    expect(JSON.stringify(message)).not.toContain(token);
    const { status, body } = await call('POST', '/tiffin.dev/v1/join', undefined, message);
    return status === 200 ? ((await open(body)) as { credential: string; cluster: { ca: string } }) : status;
  };
  const first = await joins('n1', credentialOf('a'));
  expect(first).toMatchObject({ credential: credentialOf('a'), cluster: { ca } });
  expect(await joins('n1', credentialOf('a'))).toEqual(first);
  expect(await joins('n2', credentialOf('b'))).toBe(401);
  expect((await sync('n1', credentialOf('a'))).status).toBe(200);
  // What the object opens with is what the key of that certificate opens.
  const signer = certificateSigner(bindings.CLUSTER_CA_CERT, bindings.CLUSTER_CA_KEY, { now: () => Date.now() });
  const { message } = await seal(key, { hello: 1 });
  expect((await openSealed(signer.agree, message)).request).toEqual({ hello: 1 });
});

it('is renewed, and closed at once: to what is held, to what is remembered, to what would follow', async () => {
  await oneTimeToken();
  const [first, next] = [credentialOf('c'), credentialOf('d')];
  const joined = await call('POST', '/tiffin.dev/v1/join', undefined, { token, nodeName: 'n1', credential: first });
  expect(joined.status).toBe(200);
  expect(joined.body.lifetimeMs).toBeGreaterThan(0);
  expect((await call('POST', '/tiffin.dev/v1/renew', first, { credential: next })).status).toBe(200);
  expect((await call('POST', '/tiffin.dev/v1/renew', next, { credential: 'x' })).status).toBe(400);
  expect((await call('POST', '/tiffin.dev/v1/renew', undefined, { credential: next })).status).toBe(401);
  const state = await sync('n1', next);
  expect(state.status).toBe(200);
  const { revision: since, epoch } = state.body;
  const held = call('POST', '/tiffin.dev/v1/nodes/n1/sync', next, {
    ...{ since, epoch, serviceRevision: since, waitMs: 30_000, session: 's' },
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const beganMs = Date.now();
  expect((await call('DELETE', '/tiffin.dev/v1/credentials/n1', next)).status).toBe(403);
  expect((await call('DELETE', '/tiffin.dev/v1/credentials/n1', 'test-admin')).status).toBe(200);
  expect((await held).status).toBe(401);
  // Not when the poll would have ended by itself.
  expect(Date.now() - beganMs).toBeLessThan(20_000);
  for (const gone of [first, next]) {
    expect((await sync('n1', gone)).status).toBe(401);
    expect((await call('POST', '/tiffin.dev/v1/renew', gone, { credential: credentialOf('e') })).status).toBe(401);
    expect((await call('GET', '/api/v1/nodes/n1', gone)).status).toBe(401);
  }
});
