// Identities from elsewhere, on a cluster of its own without nodes: an issuer behind an authority of its own, a webhook that
// knows tokens and one that decides, all on this machine, as workerd reaches them.
import { execFile } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-identities-'));
const stateDir = path.join(folder, 'state');
const tiffin = (...args: string[]) =>
  promisify(execFile)(path.join(root, 'tiffin'), [...args, '--state-dir', stateDir]);
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Authority {
  certificate: x509.X509Certificate;
  keys: CryptoKeyPair;
}

const keyPair = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;

async function authority(name: string): Promise<Authority> {
  const keys = await keyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return { certificate, keys };
}

/** Key and certificate for a server on this machine. */
async function serving({ certificate, keys }: Authority): Promise<{ key: string; cert: string }> {
  const own = await keyPair();
  const cert = await x509.X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: certificate.subject,
    publicKey: own.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey as webcrypto.CryptoKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { key, cert: cert.toString('pem') };
}

const listen = async (server: http.Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** An issuer with a key; answers how to make its tokens. */
async function issuer(own: Authority) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k' }];
  const server = https.createServer(await serving(own), (request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/keys' ? { keys } : { issuer: url, jwks_uri: `${url}/keys` }));
  });
  const url = `https://localhost:${await listen(server)}`;
  const token = (claims: object) =>
    new SignJWT({ iss: url, aud: 'cluster', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setExpirationTime('1h')
      .sign(privateKey);
  return { server, url, token };
}

/** Knows `hook-token`, and lets its bearer list everything. */
const webhooks = http.createServer(async (request, response) => {
  const review = JSON.parse(await bodyOf(request)) as {
    kind: string;
    spec: { token?: string; user?: string; resourceAttributes?: { verb: string } };
  };
  const { token, user, resourceAttributes } = review.spec;
  const status =
    review.kind === 'TokenReview'
      ? { authenticated: token === 'hook-token', user: { username: 'hooked' } }
      : { allowed: user === 'hooked' && resourceAttributes?.verb === 'list' };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ ...review, status }));
});

describe('identities from elsewhere', () => {
  let known: Awaited<ReturnType<typeof issuer>>;
  let impostor: Awaited<ReturnType<typeof issuer>>;
  let server = '';

  beforeAll(async () => {
    const trusted = await authority('trusted');
    known = await issuer(trusted);
    // Its certificate is of another authority than the configured one.
    impostor = await issuer(await authority('another'));
    const hook = `http://127.0.0.1:${await listen(webhooks)}`;
    const jwt = ({ url }: { url: string }, prefix: string) => ({
      issuer: { url, audiences: ['cluster'], certificateAuthority: trusted.certificate.toString('pem') },
      claimMappings: { username: { claim: 'sub', prefix }, groups: { claim: 'groups', prefix } },
    });
    const documents = [
      {
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'AuthenticationConfiguration',
        jwt: [jwt(known, 'oidc:'), jwt(impostor, 'impostor:')],
      },
      {
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'AuthorizationConfiguration',
        authorizers: [
          { type: 'Node', name: 'node' },
          { type: 'RBAC', name: 'rbac' },
          {
            type: 'Webhook',
            name: 'hook',
            webhook: {
              timeout: '3s',
              subjectAccessReviewVersion: 'v1',
              failurePolicy: 'NoOpinion',
              connectionInfo: { type: 'Server', server: hook },
            },
          },
        ],
      },
      { apiVersion: 'tiffin.dev/v1', kind: 'RequestAuthentication', tokenWebhook: { server: hook } },
    ];
    const file = path.join(folder, 'config.yaml');
    fs.writeFileSync(file, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
    await tiffin('up', '--nodes', '0', '--detach', '--config', file);
    const kubeconfig = fs.readFileSync(path.join(stateDir, 'kubeconfig'), 'utf8');
    server = /server: "?(https:[^\s"]+)/.exec(kubeconfig)?.[1] ?? '';
  });

  afterAll(async () => {
    await tiffin('down');
    for (const one of [known?.server, impostor?.server, webhooks]) one?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function call(method: string, of: string, token: string, body?: object): Promise<{ code: number; json: never }> {
    return new Promise((resolve, reject) => {
      const request = https.request(
        `${server}${of}`,
        {
          method,
          ca: fs.readFileSync(path.join(stateDir, 'pki/ca.crt')),
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        },
        async (response) =>
          resolve({ code: response.statusCode ?? 0, json: JSON.parse(await bodyOf(response)) as never }),
      );
      request.on('error', reject);
      request.end(body && JSON.stringify(body));
    });
  }
  const who = async (token: string) => {
    const review = { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' };
    const { code, json } = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', token, review);
    return code === 201 ? (json as { status: { userInfo: unknown } }).status.userInfo : code;
  };

  test('a token of an issuer whose server is of the authority that was named', async () => {
    expect(await who(await known.token({ sub: 'jane', groups: ['dev'] }))).toEqual({
      username: 'oidc:jane',
      groups: ['oidc:dev', 'system:authenticated'],
    });
    expect(await who(await known.token({ sub: 'jane', aud: 'others' }))).toBe(401);
  });

  test('of one whose server is of another authority nothing counts', async () => {
    expect(await who(await impostor.token({ sub: 'jane' }))).toBe(401);
  });

  test('a webhook knows a token, and another decides for its bearer', async () => {
    expect(await who('hook-token')).toEqual({ username: 'hooked', groups: ['system:authenticated'] });
    expect(await who('another')).toBe(401);
    expect((await call('GET', '/api/v1/secrets', 'hook-token')).code).toBe(200);
    expect((await call('GET', '/api/v1/namespaces/default/secrets/x', 'hook-token')).code).toBe(403);
  });

  test('many at once share what is asked for', async () => {
    const tokens = [await known.token({ sub: 'joe' }), 'hook-token', 'bad'];
    const all = await Promise.all(Array.from({ length: 150 }, (_, i) => who(tokens[i % 3] as string)));
    const names = all.map((one) => (typeof one === 'number' ? one : (one as { username: string }).username));
    expect(new Set(names)).toEqual(new Set(['oidc:joe', 'hooked', 401]));
  });

  test('a configuration that workerd could not read is refused before anything changes', async () => {
    const file = path.join(folder, 'bad.yaml');
    const pem = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n';
    const tokenWebhook = { server: 'https://localhost', certificateAuthority: pem };
    fs.writeFileSync(
      file,
      JSON.stringify({ apiVersion: 'tiffin.dev/v1', kind: 'RequestAuthentication', tokenWebhook }),
    );
    const refused = await tiffin('up', '--detach', '--config', file).catch((error: { stderr: string }) => error.stderr);
    expect(refused).toContain('certificateAuthority');
    expect(await who('hook-token')).toMatchObject({ username: 'hooked' });
  });
});
