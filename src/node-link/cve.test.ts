// What has gone wrong with streams to nodes before, as classes (the others: src/apiserver/authz/cve.test.ts).
import { describe, expect, it } from 'vitest';
import { ApiError } from '../machinery/errors.ts';
import type { Log, Timers } from '../ports/index.ts';
import { NodeLinkCore } from './link.ts';
import { NodeRequests, nodePath } from './requests.ts';
import { OfferedStreams } from './streams.ts';

const timers: Timers = { now: () => 0, after: () => () => undefined };
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };

describe('CVE-2018-1002105: a stream is of the request that was let in, and of no other', () => {
  const offer = { id: 's', kind: 'log', namespace: 'a', pod: 'p', podUid: 'u', container: 'c', options: {} } as const;
  const mailbox = { offer: () => undefined, withdraw: () => undefined };
  function streams() {
    const cut: string[] = [];
    const ids = new Set<string>();
    const store = {
      all: () => [...ids],
      add: (id: string) => void ids.add(id),
      remove: () => ids.clear(),
    };
    const make = () =>
      new OfferedStreams(timers, { isJoined: async () => true, cut: async (id) => void cut.push(id) }, store);
    return { of: make(), cut, make };
  }

  it('nobody claims one that is not waited for, nor twice', async () => {
    const { of } = streams();
    await expect(of.claim(mailbox, 's', true)).rejects.toMatchObject({ code: 410 });
    of.offer(mailbox, offer, 1000);
    await expect(of.claim(mailbox, 't', true)).rejects.toMatchObject({ code: 410 });
    await of.claim(mailbox, 's', true);
    await expect(of.claim(mailbox, 's', true)).rejects.toMatchObject({ code: 410 });
    await expect(of.claim(mailbox, 's', false)).rejects.toMatchObject({ code: 410 });
  });

  it('one that was let in is cut when the agent refuses it after all, as its half was lost; none of another node is', async () => {
    const { of, cut } = streams();
    of.offer(mailbox, offer, 1000);
    await of.claim(mailbox, 's', true);
    await expect(of.claim(mailbox, 'x', false)).rejects.toMatchObject({ code: 410 });
    expect(cut).toEqual([]);
    await expect(of.claim(mailbox, 's', false)).rejects.toMatchObject({ code: 410 });
    expect(cut).toEqual(['s']);
  });

  it('it ends with the credential, and so does what was offered to it', async () => {
    const { of, cut } = streams();
    of.offer(mailbox, offer, 1000);
    await of.claim(mailbox, 's', true);
    of.offer(mailbox, { ...offer, id: 't' }, 1000);
    await of.hangUp(mailbox);
    expect(cut).toEqual(['s']);
    await expect(of.claim(mailbox, 't', true)).rejects.toMatchObject({ code: 410 });
  });

  it('also where the link was evicted meanwhile, as that of a node that streams and does not poll', async () => {
    const { of, cut, make } = streams();
    of.offer(mailbox, offer, 1000);
    await of.claim(mailbox, 's', true);
    await make().hangUp(mailbox);
    expect(cut).toEqual(['s']);
    await make().hangUp(mailbox);
    expect(cut).toEqual(['s']);
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
