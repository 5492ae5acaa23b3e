// What has gone wrong with streams to nodes before, as classes (the others: src/apiserver/authz/cve.test.ts).
import { describe, expect, it } from 'vitest';
import { ApiError } from '../machinery/errors.ts';
import type { Log, Timers } from '../ports/index.ts';
import type { LogOffer } from '../protocol/streams.ts';
import { NodeLinkCore } from './link.ts';
import { NodeRequests, nodePath } from './requests.ts';
import { type AgentSocket, StreamRelay } from './streams.ts';

const timers: Timers = { now: () => 0, after: () => () => undefined };
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
const offer: LogOffer = { id: 's', kind: 'log', namespace: 'a', pod: 'p', podUid: 'u', container: 'c', options: {} };
const link = { offer: () => undefined, withdraw: () => undefined };

function agent() {
  const closed: number[] = [];
  let say: (data: string | Uint8Array) => void = () => undefined;
  const socket: AgentSocket = {
    send: () => undefined,
    close: (code) => void closed.push(code),
    listen: ({ message }) => {
      say = message;
    },
  };
  return { socket, closed, say: (data: string | Uint8Array) => say(data) };
}

describe('CVE-2020-8559: a node does not send a client elsewhere', () => {
  it.each([301, 302, 307, 308, 101, 200, 0, 700])('a stream that ends with the code %i is a failure', async (code) => {
    const relay = new StreamRelay(timers, log);
    const { socket, say } = agent();
    const answer = relay.open(offer, link, 1000);
    relay.attach('s', socket);
    await Promise.resolve();
    const details = { name: 'https://elsewhere.test/' };
    say(JSON.stringify({ status: { kind: 'Status', code, message: 'Location: https://elsewhere.test/', details } }));
    const { status, headers } = await answer;
    expect(status).toBe(500);
    expect(headers.has('location')).toBe(false);
  });

  it('what is no status at all is a failure, too', async () => {
    const relay = new StreamRelay(timers, log);
    const { socket, say } = agent();
    const answer = relay.open(offer, link, 1000);
    relay.attach('s', socket);
    await Promise.resolve();
    say('HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\n\r\n');
    expect((await answer).status).toBe(500);
  });
});

describe('CVE-2018-1002105: a stream is of the request that was let in, and of no other', () => {
  it('nobody attaches to one that is not waited for, nor twice', async () => {
    const relay = new StreamRelay(timers, log);
    const [first, second] = [agent(), agent()];
    expect(relay.attach('s', first.socket)).toBe(false);
    void relay.open(offer, link, 1000);
    expect(relay.attach('t', first.socket)).toBe(false);
    expect(relay.attach('s', first.socket)).toBe(true);
    expect(relay.attach('s', second.socket)).toBe(false);
  });

  it('it ends with the credential', async () => {
    const relay = new StreamRelay(timers, log);
    const { socket, say, closed } = agent();
    const answer = relay.open(offer, link, 1000);
    relay.attach('s', socket);
    await Promise.resolve();
    say(new Uint8Array([1]));
    await answer;
    relay.hangUp();
    expect(closed).toEqual([1008]);
  });
});

describe('a link opens to the node of its name', () => {
  const owners = new Map([
    ['one', 'n1'],
    ['two', 'n2'],
  ]);
  function requests() {
    let wake: (() => void) | undefined;
    const core = new NodeLinkCore({
      state: { node: 'n1', contact: 'unknown' },
      save: () => undefined,
      timers: {
        now: () => 0,
        after: (_ms, run) => {
          wake = run;
          return () => undefined;
        },
      },
      alarm: { set: () => undefined },
      log,
      config: { nodeHeartbeatMs: 8000, nodeGraceMs: 20_000, longPoll: 'always' } as never,
      upstream: {
        changes: async () => ({ epoch: 'e', revision: 5, reset: false, changes: [], drained: [] }),
        silent: async () => undefined,
        alive: async () => undefined,
      },
    });
    const of = new NodeRequests(
      {
        nodeOfCredential: async (token) => owners.get(token) ?? null,
        report: async () => ({ results: [] }),
        signServing: async () => {
          throw new ApiError('NotFound', '');
        },
      },
      timers,
      () => core,
    );
    return { of, wake: () => wake?.() };
  }
  const request = (token: string, what = 'sync', body: unknown = {}) =>
    new Request(`https://x.test/tiffin.dev/v1/nodes/n1/${what}`, {
      method: 'POST',
      headers: token === '' ? {} : { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  const codeOf = (work: Promise<unknown>): Promise<number> =>
    work.then(
      () => 200,
      (error) => error.code,
    );

  it('also once a credential of its own is remembered', async () => {
    const { of } = requests();
    expect(await codeOf(of.authenticate(request('one'), 'n1'))).toBe(200);
    expect(await codeOf(of.authenticate(request('one'), 'n2'))).toBe(403);
    expect(await codeOf(of.authenticate(request('two'), 'n1'))).toBe(403);
    expect(await codeOf(of.authenticate(request('x'), 'n1'))).toBe(401);
    expect(await codeOf(of.authenticate(request(''), 'n1'))).toBe(401);
  });

  it.each([
    ['/tiffin.dev/v1/nodes/n1/sync', 'n1'],
    ['/tiffin.dev/v1/nodes/n%31/sync', undefined],
    ['/tiffin.dev/v1/nodes/N1/sync', undefined],
    ['/tiffin.dev/v1/nodes/n1:x/sync', undefined],
    ['/tiffin.dev/v1/nodes//sync', undefined],
    ['/x/tiffin.dev/v1/nodes/n1/sync', undefined],
    ['/tiffin.dev/v1/nodes/n\u0131/sync', undefined],
  ])('%s is of %s', (path, node) => expect(nodePath(path)?.node).toBe(node));

  it('what is held for a credential that ends is answered with 401', async () => {
    const { of } = requests();
    const poll = { since: 5, epoch: 'e', serviceRevision: 0, waitMs: 8000, session: 's' };
    const answer = of.answer(request('one', 'sync', poll), 'n1', 'sync');
    await new Promise((resolve) => setTimeout(resolve, 5));
    of.credentialChanged();
    expect(await codeOf(answer)).toBe(401);
  });

  it('what makes no sense, or is too much, is refused as such', async () => {
    const { of } = requests();
    const ask = (what: string, body: unknown) => codeOf(of.answer(request('one', what, body), 'n1', what));
    for (const body of [{}, null, [], 'x', { since: '1' }, { writes: {} }]) {
      expect(await ask('sync', body)).toBe(400);
      expect(await ask('report', body)).toBe(400);
      expect(await ask('certificate', body)).toBe(400);
    }
    const write = { type: 'nodeStatus', status: {} };
    expect(await ask('report', { session: 's', writes: Array(2000).fill(write) })).toBe(200);
    expect(await ask('report', { session: 's', writes: Array(2001).fill(write) })).toBe(400);
    expect(await ask('report', { session: 's', writes: [{ type: 'secret' }] })).toBe(400);
    expect(await ask('report', { session: 'x'.repeat(5_000_000), writes: [] })).toBe(413);
    expect(await ask('open', {})).toBe(404);
  });
});
