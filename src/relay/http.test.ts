import { expect, test } from 'vitest';
import { FramedStream, type MessageSocket } from '../protocol/framed.ts';
import type { HttpOffer, LogOffer, StreamTarget } from '../protocol/streams.ts';
import { type RelayOptions, relay } from './http.ts';

const http: HttpOffer = {
  ...{ id: 's', kind: 'http', target: { type: 'node' }, scheme: 'http', method: 'GET', path: '/' },
  ...{ headers: [], body: false, prefix: '' },
};
const log: LogOffer = { id: 's', kind: 'log', namespace: 'a', pod: 'p', podUid: 'u', container: 'c', options: {} };

/** Two ends of a socket. */
function pair(): [MessageSocket, MessageSocket] {
  const queues: { data: Uint8Array; text: boolean }[][] = [[], []];
  const wake: (() => void)[] = [() => {}, () => {}];
  let open = true;
  const end = (own: 0 | 1): MessageSocket => ({
    async send(data) {
      if (!open) return false;
      const text = typeof data === 'string';
      queues[1 - own]!.push({ data: text ? new TextEncoder().encode(data) : data, text });
      wake[1 - own]!();
      return true;
    },
    async *messages() {
      for (;;) {
        const next = queues[own]!.shift();
        if (next) yield next;
        else if (!open) return;
        else
          await new Promise<void>((resolve) => {
            wake[own] = resolve;
          });
      }
    },
    close() {
      open = false;
      for (const go of wake) go();
    },
  });
  return [end(0), end(1)];
}

function setup(offer: StreamTarget['offer'], more: Partial<RelayOptions> = {}) {
  const target: StreamTarget = { node: 'n', offer };
  const opened: StreamTarget[] = [];
  const agents: FramedStream[] = [];
  const answer = relay(target, {
    timers: { now: () => 0, after: (_ms, run) => clearTimeout.bind(undefined, setTimeout(run, 0)) },
    open: async (at) => {
      opened.push(at);
      const [client, agent] = pair();
      agents.push(new FramedStream(agent));
      return client;
    },
    again: async () => target,
    pipe: () => new TransformStream<Uint8Array, Uint8Array>(),
    method: 'GET',
    body: (async function* () {})(),
    signal: new AbortController().signal,
    lasts: () => {},
    ...more,
  });
  return { answer, opened, agents };
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const bytes = (text: string) => new TextEncoder().encode(text);
const head = (status = 200, headers: [string, string][] = []) => ({ head: { status, headers } });

test('a request with a body, a response with one: both ways at once', async () => {
  const body = (async function* () {
    yield bytes('ping');
  })();
  const { answer, agents } = setup({ ...http, body: true }, { body, method: 'POST' });
  await settled();
  const agent = agents[0]!;
  await agent.say(
    head(201, [
      ['x-a', '1'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]),
  );
  const response = await answer;
  expect([response.status, response.headers.get('x-a'), response.headers.getSetCookie()]).toEqual([
    201,
    '1',
    ['a=1', 'b=2'],
  ]);
  const got = await agent.next();
  expect(got).toEqual({ bytes: bytes('ping') });
  expect(await agent.next()).toEqual({ end: {} });
  await agent.send(bytes('pong'));
  await agent.say({ end: {} });
  expect(await response.text()).toBe('pong');
});

test('a request that breaks off is said to be broken', async () => {
  const body = (async function* () {
    yield bytes('half');
    throw new Error('the client went away');
  })();
  const { agents, answer } = setup({ ...http, body: true }, { body });
  await settled();
  expect(await agents[0]!.next()).toMatchObject({ bytes: bytes('half') });
  expect(await agents[0]!.next()).toMatchObject({ status: {} });
  agents[0]!.close();
  expect((await answer).status).toBe(503);
});

test.each([
  ['HEAD', 200],
  ['GET', 204],
  ['GET', 304],
])('%s with %i has no body, and its headers', async (method, status) => {
  const { answer, agents } = setup(http, { method });
  await settled();
  await agents[0]!.say(
    head(status, [
      ['content-length', '7'],
      ['etag', 'x'],
    ]),
  );
  const response = await answer;
  expect([response.status, response.body, response.headers.get('etag')]).toEqual([status, null, 'x']);
  await settled();
  expect(agents[0]!.signal.aborted).toBe(true);
});

test('headers of one connection stay behind, and so does what is no header, or only the API server’s to say', async () => {
  const { answer, agents } = setup(http);
  await settled();
  const given: [string, string][] = [
    ['Connection', 'close, X-Hop'],
    ['X-Hop', '1'],
    ['Transfer-Encoding', 'chunked'],
    ['Keep-Alive', '1'],
    ['Upgrade', 'h2c'],
    ['x-evil', 'a\r\nset-cookie: b'],
    ['no header', '1'],
    ...['Origin', 'credentials', 'headers', 'METHODS'].map((of): [string, string] => [
      `Access-Control-Allow-${of}`,
      '*',
    ]),
    ['Tiffin-Stream', '{}'],
    ['access-control-max-age', '1'],
    ['x-kept', '1'],
    ['location', 'https://elsewhere.test/'],
  ];
  await agents[0]!.say(head(302, given));
  const response = await answer;
  // The agent has rewritten a location that is to stay here: redirects are passed on, never followed.
  expect([...response.headers.keys()].sort()).toEqual([
    'access-control-max-age',
    'content-encoding',
    'location',
    'x-kept',
  ]);
  expect(response.status).toBe(302);
});

test.each([100, 101, 199, 600, 0])('the status %i is none', async (status) => {
  const { answer, agents } = setup(http);
  await settled();
  await agents[0]!.say(head(status));
  expect((await answer).status).toBe(502);
});

test('a status instead of a head is a refusal', async () => {
  const { answer, agents } = setup(http);
  await settled();
  await agents[0]!.say({ status: { code: 400, message: 'no' } });
  expect((await answer).status).toBe(400);
});

test('a response that ends without its end, or with a status, is broken', async () => {
  for (const end of [(a: FramedStream) => a.close(), (a: FramedStream) => a.say({ status: { code: 500 } })]) {
    const { answer, agents } = setup(http);
    await settled();
    await agents[0]!.say(head());
    await agents[0]!.send(bytes('half'));
    const response = await answer;
    await settled();
    void end(agents[0]!);
    await expect(response.text()).rejects.toThrow();
  }
});

test("a client that goes away ends the agent's half, before the head and after it", async () => {
  const gone = new AbortController();
  const { answer, agents } = setup(http, { signal: gone.signal });
  await settled();
  gone.abort();
  await answer;
  expect(agents[0]!.signal.aborted).toBe(true);

  const later = setup(http);
  await settled();
  await later.agents[0]!.say(head());
  await (await later.answer).body!.cancel();
  await settled();
  expect(later.agents[0]!.signal.aborted).toBe(true);
});

test('a log goes on through many cuts, wherever they are, byte by byte', async () => {
  const text = Array.from({ length: 60 }, (_, i) => `line ${i}\n`).join('');
  const { answer, agents, opened } = setup(log);
  // Serves from the cursor, a few bytes a message, and is cut after some.
  const serve = async (agent: FramedStream, from: number, cutAfter: number): Promise<void> => {
    await agent.say(head());
    await agent.say({ cursor: String(from) });
    let given = 0;
    for (let at = from; at < text.length; at += 7) {
      const part = text.slice(at, at + 7);
      for (const half of [part.slice(0, 3), part.slice(3)]) {
        if (half) await agent.send(bytes(half));
        if (++given === cutAfter) {
          await settled();
          return agent.close();
        }
      }
      await agent.say({ cursor: String(at + part.length) });
    }
    await agent.say({ end: {} });
  };
  const serving = (async () => {
    for (let i = 0, served = 0; i < 5000 && served < 200; i++) {
      if (agents.length > served) {
        const { offer } = opened[served]!;
        await serve(agents[served]!, Number((offer as LogOffer).cursor ?? 0), [5, 2, 3, 1, 9, 4][served % 6]!);
        served++;
      } else await settled();
      if (served > 1 && agents.length === served && !agents[served - 1]!.signal.aborted) return;
    }
  })();
  expect(await (await answer).text()).toBe(text);
  await serving;
  expect(opened.length).toBeGreaterThan(5);
});

test('a client that goes away while its log is begun anew leaves no half behind', async () => {
  let lasting: Promise<void> | undefined;
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const ends: FramedStream[] = [];
  const { answer } = setup(log, {
    lasts: (work) => {
      lasting = work;
    },
    open: async () => {
      if (ends.length > 0) await gate;
      const [client, agent] = pair();
      ends.push(new FramedStream(agent));
      return client;
    },
  });
  await settled();
  await ends[0]!.say(head());
  await ends[0]!.say({ cursor: '0' });
  const body = (await answer).body!;
  await settled();
  ends[0]!.close();
  await settled();
  await body.cancel();
  go();
  await lasting;
  expect(ends.map((end) => end.signal.aborted)).toEqual([true, true]);
});

test('a client whose connection breaks ends the half that its log goes on with', async () => {
  const gone = new AbortController();
  const { answer, agents } = setup(log, { signal: gone.signal });
  await settled();
  await agents[0]!.say(head());
  await agents[0]!.say({ cursor: '0' });
  await answer;
  await settled();
  agents[0]!.close();
  await settled();
  expect(agents.map((agent) => agent.signal.aborted)).toEqual([true, false]);
  gone.abort();
  await settled();
  expect(agents[1]!.signal.aborted).toBe(true);
});

test('a log that is cut before it said where it is begins anew, as long as nothing of it was read', async () => {
  const { answer, agents, opened } = setup(log);
  await settled();
  await agents[0]!.say(head());
  const response = await answer;
  agents[0]!.close();
  const text = response.text();
  await settled();
  expect(opened[1]?.offer).toEqual(log);
  await agents[1]!.say(head());
  await agents[1]!.send(bytes('all'));
  await agents[1]!.say({ end: {} });
  expect(await text).toBe('all');
});

test.each([
  ['the API server refuses', { again: async () => new Response('', { status: 403 }) }],
  ['it is another pod now', { again: async () => ({ node: 'n', offer: { ...log, podUid: 'v' } }) }],
])('a log does not go on where %s', async (_, more) => {
  const { answer, agents, opened } = setup(log, more);
  await settled();
  await agents[0]!.say(head());
  await agents[0]!.say({ cursor: '0' });
  await agents[0]!.send(bytes('x'));
  const response = await answer;
  await settled();
  agents[0]!.close();
  await expect(response.text()).rejects.toThrow();
  expect(opened).toHaveLength(1);
});
