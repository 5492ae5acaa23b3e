// Streams between clients and a node, through the Worker: what passes in both directions, who waits for whom, and how each ends.
import 'reflect-metadata';
import { reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FramedStream } from '../../src/protocol/framed.ts';
import { type ExecOffer, protocolHeader } from '../../src/protocol/streams.ts';
import { messageSocket } from '../../workers/adapters/socket.ts';
import type { Env } from '../../workers/env.ts';
import { cut, isJoined, meet, refuse } from '../../workers/rendezvous/meeting.ts';

const bindings = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const never = new AbortController().signal;
let serial = 0;
const newId = () => `s-${++serial}-${crypto.randomUUID()}`;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Accepted, with what it got and how it closed. */
function end(response: Response) {
  const socket = response.webSocket!;
  const got: (string | number)[] = [];
  let bytes = 0;
  socket.accept();
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    bytes += typeof data === 'string' ? data.length : (data as ArrayBuffer).byteLength;
    if (got.length < 100) got.push(typeof data === 'string' ? data : (data as ArrayBuffer).byteLength);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
    socket.addEventListener('error', () => resolve({ code: 1006, reason: '' }));
  });
  return { socket, got, bytes: () => bytes, closed };
}
async function until<T>(what: string, look: () => T | undefined | false, ms = 30_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited for ${what}`);
    await sleep(10);
  }
}

async function joined(id = newId(), protocol?: string, chosen?: string) {
  const half = { id, node: 'n1', waitMs: 5000 };
  const client = meet(bindings, 'client', { ...half, protocol }, never);
  const agent = await meet(bindings, 'agent', { ...half, protocol: chosen }, never);
  return { id, client: end(await client), agent: end(agent), response: await client };
}

describe('a rendezvous', () => {
  it('joins both halves, whichever comes first', async () => {
    const { id, client, agent } = await joined();
    client.socket.send('hello');
    agent.socket.send(new Uint8Array(100_000));
    await until('messages', () => client.got.length === 1 && agent.got.length === 1);
    expect([agent.got, client.got]).toEqual([['hello'], [100_000]]);
    expect(await isJoined(bindings, id)).toBe(true);
    agent.socket.close(4321, 'through');
    expect(await client.closed).toEqual({ code: 4321, reason: 'through' });

    const half = { id: newId(), node: 'n1', waitMs: 5000 };
    const first = meet(bindings, 'agent', half, never);
    await sleep(20);
    expect((await meet(bindings, 'client', half, never)).status).toBe(101);
    expect((await first).status).toBe(101);
  });

  it('answers the client with its protocol, or with the one that the agent has chosen; the agent with none', async () => {
    const of = async (protocol?: string, chosen?: string) => {
      const { response, agent, client } = await joined(undefined, protocol, chosen);
      agent.socket.close(1000);
      await client.closed;
      return response.headers.get('sec-websocket-protocol');
    };
    expect(await of('SPDY/3.1+portforward.k8s.io')).toBe('SPDY/3.1+portforward.k8s.io');
    expect(await of('a', 'b')).toBe('b');
    expect(await of()).toBeNull();
  });

  it('lets in nobody of another node, nobody twice, and nobody late', async () => {
    const half = { id: newId(), node: 'n1', waitMs: 5000 };
    const client = meet(bindings, 'client', half, never);
    await sleep(20);
    expect((await meet(bindings, 'agent', { ...half, node: 'n2' }, never)).status).toBe(410);
    expect((await meet(bindings, 'client', half, never)).status).toBe(410);
    expect((await refuse(bindings, { ...half, node: 'n2' }, { code: 400 })).status).toBe(410);
    const agent = await meet(bindings, 'agent', half, never);
    expect((await client).status).toBe(101);
    for (const side of ['agent', 'client'] as const) expect((await meet(bindings, side, half, never)).status).toBe(410);
    end(agent).socket.close(1000);
  });

  it('ends a wait with a Timeout; who comes then is late', async () => {
    const half = { id: newId(), node: 'n1', waitMs: 50 };
    const response = await meet(bindings, 'client', half, never);
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ kind: 'Status', reason: 'Timeout' });
    expect((await meet(bindings, 'agent', half, never)).status).toBe(410);
    expect((await meet(bindings, 'agent', { ...half, id: newId() }, never)).status).toBe(410);
  });

  it('passes a refusal on, also one that is there before the client', async () => {
    const status = { code: 404, reason: 'NotFound', message: 'no such container' };
    for (const early of [true, false]) {
      const half = { id: newId(), node: 'n1', waitMs: 5000 };
      const first = early ? undefined : meet(bindings, 'client', half, never);
      await sleep(20);
      expect((await refuse(bindings, half, status)).status).toBe(200);
      const response = await (first ?? meet(bindings, 'client', half, never));
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ ...status, kind: 'Status', status: 'Failure' });
    }
  });

  it('cuts both off', async () => {
    const { id, client, agent } = await joined();
    await cut(bindings, id);
    await Promise.all([client.closed, agent.closed]);
    expect(await isJoined(bindings, id)).toBe(false);
  });

  it('a thousand of them, quickly', async () => {
    for (let round = 0; round < 20; round++)
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const { client, agent } = await joined();
          client.socket.send('x');
          await until('x', () => agent.got.length === 1);
          agent.socket.close(1000);
          await client.closed;
        }),
      );
  });
});

describe('through the gateway', () => {
  const token = 'abcdef.0123456789abcdef';
  let credential = '';
  let cursor = { since: 0, epoch: '' };

  async function call(method: string, path: string, bearer = 'test-admin', body?: unknown) {
    const response = await worker.fetch(`https://tiffin.test${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, never> };
  }

  /** Offers of the next poll. */
  async function offers(): Promise<{ id: string; kind: string; cursor?: string }[]> {
    for (let i = 0; i < 40; i++) {
      const { body } = await call('POST', '/tiffin.dev/v1/nodes/n1/sync', credential, {
        ...cursor,
        ...{ serviceRevision: 0, waitMs: 500, session: 's' },
      });
      cursor = { since: body.revision, epoch: body.epoch };
      if ((body.streams as unknown[]).length > 0) return body.streams;
    }
    throw new Error('no offer came');
  }
  const take = (id: string, headers: Record<string, string> = {}, node = 'n1') =>
    worker.fetch(`https://tiffin.test/tiffin.dev/v1/nodes/${node}/streams/${id}`, {
      headers: { upgrade: 'websocket', authorization: `Bearer ${credential}`, ...headers },
    });
  const framed = async (id: string) => {
    const response = await take(id);
    expect(response.status).toBe(101);
    const stream = new FramedStream(messageSocket(response.webSocket!));
    await stream.say({
      head: {
        status: 200,
        headers: [
          ['content-type', 'text/plain'],
          ['connection', 'x-secret'],
          ['x-secret', '1'],
        ],
      },
    });
    return stream;
  };
  const log = (query = '') =>
    worker.fetch(`https://tiffin.test/api/v1/namespaces/default/pods/p/log${query}`, {
      headers: { authorization: 'Bearer test-admin' },
    });
  const text = (of: string) => new TextEncoder().encode(of);

  beforeEach(async () => {
    cursor = { since: 0, epoch: '' };
    const secret = { name: 'bootstrap-token-abcdef' };
    await call('POST', '/api/v1/namespaces/kube-system/secrets', 'test-admin', {
      metadata: secret,
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
      },
    });
    const joining = await call('POST', '/tiffin.dev/v1/join', 'none', { token, nodeName: 'n1' });
    credential = joining.body.credential as unknown as string;
    await call('POST', '/tiffin.dev/v1/nodes/n1/sync', credential, {
      ...cursor,
      ...{ serviceRevision: 0, waitMs: 0, session: 's' },
    });
    for (let i = 0; i < 600; i++) {
      const made = await call('POST', '/api/v1/namespaces/default/pods', 'test-admin', {
        metadata: { name: 'p' },
        spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
      });
      if (made.status === 201) return;
      await sleep(50);
    }
    throw new Error('no pod');
  });
  afterEach(() => reset());

  it('a refusal is the answer; only the node that it was offered to may take or refuse a stream', async () => {
    const answer = log();
    const [offer] = await offers();
    expect((await take(offer!.id, { authorization: 'Bearer x' })).status).toBe(401);
    expect((await take('other')).status).toBe(410);
    const status = { code: 400, reason: 'BadRequest', message: 'container "c" in pod "p" is waiting to start' };
    const refusal = () => call('POST', `/tiffin.dev/v1/nodes/n1/streams/${offer!.id}`, credential, { status });
    expect((await refusal()).status).toBe(200);
    expect((await refusal()).status).toBe(410);
    const response = await answer;
    expect([response.status, await response.json()]).toMatchObject([400, status]);
  });

  it('a log that is cut goes on where it was, without loss or repeat; a head is of this connection alone', async () => {
    const answer = log('?follow=true');
    const first = await framed((await offers())[0]!.id);
    await first.say({ cursor: 'a' });
    await first.send(text('one '));
    await first.say({ cursor: 'b' });
    await first.send(text('two'));
    const response = await answer;
    expect([response.headers.get('x-secret'), response.headers.get('content-encoding')]).toEqual([null, 'identity']);
    const reader = response.body!.getReader();
    let got = '';
    while (got !== 'one two') got += new TextDecoder().decode((await reader.read()).value);
    first.close(1001);
    const next = offers();
    const rest = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read())
        got += new TextDecoder().decode(part.value);
    })();
    const [offer] = await next;
    expect(offer).toMatchObject({ kind: 'log', cursor: 'b' });
    const second = await framed(offer!.id);
    await second.say({ cursor: 'b' });
    await second.send(text('two thr'));
    await second.send(text('ee'));
    await second.say({ end: {} });
    await rest;
    expect(got).toBe('one two three');
  });

  it('what cannot go on is no complete answer', async () => {
    const answer = log();
    const stream = await framed((await offers())[0]!.id);
    await stream.send(text('half'));
    const response = await answer;
    stream.close(1001);
    await expect(response.text()).rejects.toThrow();
  });

  it('a client that does not read holds the agent back; one that goes away ends its half', async () => {
    const answer = log();
    const stream = await framed((await offers())[0]!.id);
    let sent = 0;
    const sending = (async () => {
      const chunk = crypto.getRandomValues(new Uint8Array(65_536));
      while (await stream.send(chunk)) sent += chunk.length;
    })();
    const response = await answer;
    await sleep(300);
    expect(sent).toBeLessThan(2_000_000);
    await response.body!.cancel();
    await sending;
    expect(stream.signal.aborted).toBe(true);
  });

  it('streams end with the credential', async () => {
    const answer = log('?follow=true');
    const stream = await framed((await offers())[0]!.id);
    await stream.send(text('x'));
    const response = await answer;
    expect((await call('DELETE', '/tiffin.dev/v1/credentials/n1', 'test-admin')).status).toBe(200);
    await until('the end', () => stream.signal.aborted);
    await response.body!.cancel();
  });

  it('a client that is a WebSocket: the offer says so, and messages pass as they are', async () => {
    const link = bindings.NODE_LINK.get(bindings.NODE_LINK.idFromName('n1'));
    const id = newId();
    const offer: ExecOffer = {
      ...{ id, kind: 'exec', namespace: 'default', pod: 'p', podUid: 'u', container: 'c', command: ['x'] },
      ...{ stdin: true, stdout: true, stderr: false, tty: false, protocol: 'v5.channel.k8s.io' },
    };
    expect(await link.offer(offer)).toMatchObject({ ok: true });
    const client = meet(bindings, 'client', { id, node: 'n1', protocol: offer.protocol, waitMs: 5000 }, never);
    expect(await offers()).toEqual([offer]);
    const agent = end(await take(id, { [protocolHeader]: 'v4.channel.k8s.io' }));
    const response = await client;
    expect(response.headers.get('sec-websocket-protocol')).toBe('v4.channel.k8s.io');
    const { socket, closed } = end(response);
    socket.send(new Uint8Array([0, 1, 2]));
    await until('it', () => agent.got.length === 1);
    socket.close(1000);
    await agent.closed;
    await closed;
  });
});
