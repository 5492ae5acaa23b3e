import { beforeEach, describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { JoinRequest } from '../../protocol/node.ts';
import { newCredential } from '../../protocol/node.ts';
import { keyHash, openSealed, parsePinnedToken, seal } from '../../protocol/sealed.ts';
import { TestRandom, type TestServer, testServer } from '../testing.ts';
import { hasCredential, issueCredential, nodeOfCredential, renewCredential, revokeCredentials } from './credentials.ts';
import { join } from './join.ts';

let server: TestServer;
let contact: number | undefined;
const random = new TestRandom(7);
const token = 'abcdef.0123456789abcdef';
const secrets = '/api/v1/namespaces/kube-system/secrets';
const secret = (data: Record<string, string> = {}) =>
  server.call('POST', secrets, {
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      ...data,
    },
  });
const owner = (credential: string) => nodeOfCredential(server.ledger, server.clock, credential);
const joining = (request: Partial<JoinRequest> = {}) =>
  join({ core: server.server.core, ca: 'ca', lastContact: async () => contact }, { token, nodeName: 'n1', ...request });
const codeOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 200,
    (error) => error.code,
  );

beforeEach(async () => {
  server = await testServer(openSql());
  contact = undefined;
});

describe('a credential', () => {
  it('belongs to one node and is replaced by joining; only its hash is kept', async () => {
    const { core } = server.server;
    const first = await issueCredential(core, 'n1');
    const other = await issueCredential(core, 'n2');
    const second = await issueCredential(core, 'n1');
    expect(await Promise.all([first, other, second, 'nonsense', `${second}x`].map(owner))).toEqual([
      undefined,
      'n2',
      'n1',
      undefined,
      undefined,
    ]);
    expect(JSON.stringify(server.ledger.range({ start: '', end: '~' }))).not.toContain(second);
  });

  it('expires, and may be renewed for longer than it is good', async () => {
    const { core } = server.server;
    const { nodeCredentialMs, nodeCredentialRenewableMs } = core.config;
    const first = await issueCredential(core, 'n1');
    server.clock.ms += nodeCredentialMs - 1;
    expect(await owner(first)).toBe('n1');
    server.clock.ms += 1;
    expect(await owner(first)).toBeUndefined();
    const next = newCredential(random);
    await renewCredential(core, first, next);
    expect(await owner(next)).toBe('n1');
    server.clock.ms += nodeCredentialRenewableMs;
    expect(await codeOf(renewCredential(core, next, newCredential(random)))).toBe(401);
  });

  it('stands beside its successor until that is used; asking again changes nothing', async () => {
    const { core } = server.server;
    const first = await issueCredential(core, 'n1');
    const [given, next] = [newCredential(random), newCredential(random)];
    await renewCredential(core, first, given);
    // The answer got lost, and the node with what it had written down: it asks for another.
    await renewCredential(core, first, next);
    const { revision } = server.ledger;
    await renewCredential(core, first, next);
    expect(server.ledger.revision).toBe(revision);
    expect(await owner(given)).toBeUndefined();
    expect(await owner(first)).toBe('n1');
    expect(await owner(next)).toBe('n1');
    expect(await owner(first)).toBeUndefined();
    expect(await codeOf(renewCredential(core, first, newCredential(random)))).toBe(401);
    expect(await codeOf(renewCredential(core, next, next))).toBe(400);
    expect(await codeOf(renewCredential(core, next, 'tiffin-node.short'))).toBe(400);
  });

  it("cannot be succeeded by another node's", async () => {
    const { core } = server.server;
    const [mine, theirs] = [await issueCredential(core, 'n1'), await issueCredential(core, 'n2')];
    expect(await codeOf(renewCredential(core, mine, theirs))).toBe(400);
    expect(await owner(theirs)).toBe('n2');
  });

  it('is gone when it is revoked, with what would have followed', async () => {
    const { core } = server.server;
    const first = await issueCredential(core, 'n1');
    const next = newCredential(random);
    await renewCredential(core, first, next);
    expect(await revokeCredentials(server.ledger, 'n1')).toBe(true);
    expect(hasCredential(server.ledger, 'n1')).toBe(false);
    expect(await Promise.all([first, next].map(owner))).toEqual([undefined, undefined]);
    expect(await codeOf(renewCredential(core, first, next))).toBe(401);
    expect(await revokeCredentials(server.ledger, 'n1')).toBe(false);
  });
});

describe('joining', () => {
  it('is not open under the name of a node that is Ready and heard', async () => {
    const grace = server.server.core.config.nodeGraceMs;
    await secret();
    expect(await codeOf(joining())).toBe(200);
    await server.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
    const ready = (status: string) =>
      server.call('PATCH', '/api/v1/nodes/n1/status', { status: { conditions: [{ type: 'Ready', status }] } });
    await ready('True');
    contact = server.clock.ms - 1000;
    const mine = await issueCredential(server.server.core, 'n1');
    await expect(joining()).rejects.toThrow('node "n1" exists and is Ready');
    expect(await owner(mine)).toBe('n1');
    contact = server.clock.ms - grace;
    expect(await codeOf(joining())).toBe(200);
    contact = undefined;
    expect(await codeOf(joining())).toBe(200);
    contact = server.clock.ms - 1000;
    expect(await codeOf(joining())).toBe(409);
    await ready('Unknown');
    expect(await codeOf(joining())).toBe(200);
  });

  it('takes a live token and a name that can be one', async () => {
    expect(await codeOf(joining())).toBe(401);
    await secret();
    expect(await codeOf(joining())).toBe(200);
    for (const wrong of ['abcdef.0123456789abcdee', 'x', '', `${token} `])
      expect(await codeOf(joining({ token: wrong })), wrong).toBe(401);
    for (const nodeName of ['', 'N1', 'a:b', 'a/b', 'n1 ', '../n2', 'n\u0131', 'a..b', 'x'.repeat(254)])
      expect(await codeOf(joining({ nodeName })), nodeName).toBe(400);
    await server.call('PATCH', `${secrets}/bootstrap-token-abcdef`, {
      stringData: { expiration: '2026-01-01T00:00:00Z' },
    });
    expect(await codeOf(joining())).toBe(401);
  });

  it('spends a one-time token: of two at once one is let in, and what it had done is not done again', async () => {
    await secret({ 'joins-left': '1' });
    const credentials = ['n1', 'n2'].map((nodeName) => ({ nodeName, credential: newCredential(random) }));
    const codes = await Promise.all(credentials.map((request) => codeOf(joining(request))));
    expect(codes.toSorted()).toEqual([200, 401]);
    const won = credentials[codes.indexOf(200)];
    const lost = credentials[codes.indexOf(401)];
    expect((await server.call('GET', `${secrets}/bootstrap-token-abcdef`)).code).toBe(404);
    // The answer got lost.
    expect(await codeOf(joining(won))).toBe(200);
    expect(await codeOf(joining(lost))).toBe(401);
    expect(await owner(won?.credential ?? '')).toBe(won?.nodeName);
    expect(await owner(lost?.credential ?? '')).toBeUndefined();
    expect(await codeOf(joining({ ...won, nodeName: 'n3' }))).toBe(400);
  });

  it('counts down what may be used several times; what is no number lets nobody in', async () => {
    await secret({ 'joins-left': '2' });
    expect(await codeOf(joining({ nodeName: 'n1' }))).toBe(200);
    const { data } = (await server.call('GET', `${secrets}/bootstrap-token-abcdef`)).json;
    expect(atob(data['joins-left'])).toBe('1');
    expect(await codeOf(joining({ nodeName: 'n2' }))).toBe(200);
    expect(await codeOf(joining({ nodeName: 'n3' }))).toBe(401);
    for (const left of ['0', '-1', 'x', '', '1.5']) {
      await secret({ 'joins-left': left });
      expect(await codeOf(joining({ nodeName: 'n3' })), left).toBe(401);
      await server.call('DELETE', `${secrets}/bootstrap-token-abcdef`);
    }
  });
});

describe('a sealed message', () => {
  const curve = { name: 'ECDH', namedCurve: 'P-256' };
  type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
  type Pair = { publicKey: Key; privateKey: Key };
  const pair = async () => (await crypto.subtle.generateKey(curve, true, ['deriveBits'])) as Pair;
  const agreeWith = (own: Key) => async (raw: Uint8Array) => {
    const theirs = await crypto.subtle.importKey('raw', raw as Uint8Array<ArrayBuffer>, curve, false, []);
    const from = { name: 'ECDH', public: theirs, $public: theirs };
    return new Uint8Array(await crypto.subtle.deriveBits(from, own, 256));
  };
  const spkiOf = async ({ publicKey }: Pair) =>
    new Uint8Array((await crypto.subtle.exportKey('spki', publicKey)) as ArrayBuffer);

  it('is read and answered by the holder of the key, and by nobody else', async () => {
    const [cluster, other] = [await pair(), await pair()];
    const { message, open } = await seal(await spkiOf(cluster), { token });
    expect(JSON.stringify(message)).not.toContain('0123456789');
    const read = await openSealed(agreeWith(cluster.privateKey), message);
    expect(read.request).toEqual({ token });
    expect(await open(await read.answer({ credential: 'c' }))).toEqual({ credential: 'c' });
    await expect(openSealed(agreeWith(other.privateKey), message)).rejects.toMatchObject({ code: 400 });
    await expect(open(message)).rejects.toThrow();
  });

  it('is refused when it was changed or makes no sense', async () => {
    const cluster = await pair();
    const { message } = await seal(await spkiOf(cluster), { token });
    for (const wrong of [
      { ...message, sealed: message.sealed.slice(4) },
      { ...message, sealed: '' },
      { ...message, key: btoa('x') },
      { ...message, key: btoa('\u0004'.padEnd(65, 'x')) },
      { sealed: message.sealed },
      { ...message, sealed: 'A'.repeat(100_000) },
      { ...message, sealed: '\u2603' },
    ])
      await expect(openSealed(agreeWith(cluster.privateKey), wrong)).rejects.toMatchObject({ code: 400 });
  });

  it('goes with a token that names the key', async () => {
    const hash = await keyHash(await spkiOf(await pair()));
    expect(parsePinnedToken(`${token}@sha256:${hash}`)).toEqual({ token, pin: hash });
    expect(parsePinnedToken(token)).toEqual({ token });
    for (const wrong of ['x', `${token}@sha256:`, `${token}@sha256:${hash}0`, `${token}@md5:${hash}`, `${token}\n`])
      expect(parsePinnedToken(wrong), wrong).toBeUndefined();
  });
});
