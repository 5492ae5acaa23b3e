import { expect, test, vi } from 'vitest';
import { ApiError, errors } from '../../src/machinery/errors.ts';
import { FramedStream, StreamCut } from '../../src/protocol/framed.ts';
import { type ExecOffer, type HttpOffer, type LogOffer, streamsMax } from '../../src/protocol/streams.ts';
import { type Answer, memoryDialer, offerBody, offerSocket, refusalOf, socketPair } from '../testing/streams.ts';
import { type Servers, StreamServer } from './serve.ts';

const pod = { namespace: 'a', pod: 'p', podUid: 'u' };
const exec: ExecOffer = {
  id: 's',
  kind: 'exec',
  ...pod,
  container: 'c',
  command: ['x'],
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
  protocol: 'v5.channel.k8s.io',
};
const logs: LogOffer = { id: 's', kind: 'log', ...pod, container: 'c', options: {} };
const http: HttpOffer = {
  id: 's',
  kind: 'http',
  target: { type: 'node' },
  scheme: 'http',
  method: 'POST',
  path: '/',
  headers: [],
  body: true,
  prefix: '',
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };

function answers(servers: Partial<Servers>) {
  const list: Answer[] = [];
  const server = new StreamServer(
    servers,
    memoryDialer((answer) => list.push(answer)),
    silent,
  );
  return { list, server };
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test('a socket is served, and closed when its server is through', async () => {
  const { client, protocol, done } = await offerSocket(async ({ accept }) => {
    const socket = await accept('v4.channel.k8s.io');
    for await (const { data } of socket.messages()) {
      await socket.send(data);
      return;
    }
  }, exec);
  expect(protocol).toBe('v4.channel.k8s.io');
  await client.send('hello');
  for await (const { data } of client.messages()) expect(String(data)).toBe('hello');
  await done;
  await settled();
  expect(client.closedWith).toEqual({ code: 1000, reason: '' });
});

test('what is thrown before it was accepted is the refusal, what is thrown later closes the socket', async () => {
  const failing = async () => {
    throw errors.badRequest('no such container');
  };
  expect(await refusalOf(failing, exec)).toMatchObject({ code: 400, message: 'no such container' });
  expect(await refusalOf(async () => {}, exec)).toMatchObject({ code: 500 });
  const { client, done } = await offerSocket(async ({ accept }) => {
    await accept();
    throw new ApiError('NotFound', 'gone');
  }, exec);
  await done.catch(() => {});
  await settled();
  expect(client.closedWith).toEqual({ code: 1011, reason: 'gone' });
});

test('a body: its head, bytes and cursors in order, then its end', async () => {
  const { head, stream } = await offerBody(async ({ accept }) => {
    const socket = await accept({ status: 201, headers: [['a', 'b']] });
    await socket.send(Buffer.from('one'));
    socket.cursor('1');
    await socket.send(Buffer.from('two'));
  }, logs);
  expect(head).toEqual({ status: 201, headers: [['a', 'b']] });
  const got: unknown[] = [];
  for (let next = await stream.next(); next; next = await stream.next())
    got.push('bytes' in next ? String(next.bytes) : next);
  expect(got).toEqual(['one', { cursor: '1' }, 'two', { end: {} }]);
});

test('the body of the request may be read before there is a head, and the offer still be refused', async () => {
  const { list, server } = answers({
    http: async ({ body }) => {
      let text = '';
      for await (const bytes of body()) text += String(Buffer.from(bytes));
      throw errors.badRequest(text);
    },
  });
  server.offered([http]);
  await settled();
  const stream = new FramedStream(list[0]!.client!);
  await stream.send(Buffer.from('too much'));
  await stream.say({ end: {} });
  expect(await stream.next()).toMatchObject({ status: { code: 400, message: 'too much' } });
  expect(await stream.next()).toBeUndefined();
});

test('what takes long to begin is dialled for meanwhile, may be refused, and ends with its client', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    let refuse = (_: Error): void => {};
    let ended = 0;
    const { list, server } = answers({
      http: ({ signal }) =>
        new Promise((_, reject) => {
          refuse = reject;
          signal.addEventListener('abort', () => {
            ended++;
            reject(new Error('aborted'));
          });
        }),
    });
    const begun = async (id: string): Promise<void> => {
      server.offered([{ ...http, id, body: false }]);
      await vi.advanceTimersByTimeAsync(900);
    };
    await begun('late');
    expect(list).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    const stream = new FramedStream(list[0]!.client!);
    refuse(errors.badRequest('too late'));
    expect(await stream.next()).toMatchObject({ status: { code: 400, message: 'too late' } });
    await begun('left');
    const before = ended;
    await vi.advanceTimersByTimeAsync(200);
    list[1]!.client!.close();
    await vi.advanceTimersByTimeAsync(10);
    expect([ended - before, server.count]).toEqual([1, 0]);
    await begun('refused');
    refuse(errors.badRequest('in time'));
    await vi.advanceTimersByTimeAsync(2000);
    expect(list[2]).toMatchObject({ refused: { message: 'in time' } });
    expect(list).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});

test('what takes long to begin, and nobody waits for any more, is ended', async () => {
  let ended = false;
  const dialer = { dial: () => Promise.reject(new Error('410')), refuse: async () => {} };
  const serving: Partial<Servers> = {
    log: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          ended = true;
          reject(new Error('aborted'));
        });
      }),
  };
  const server = new StreamServer(serving, dialer, silent);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  server.offered([logs]);
  await vi.advanceTimersByTimeAsync(1100);
  vi.useRealTimers();
  expect([ended, server.count]).toEqual([true, 0]);
});

test('what is refused while it is being dialled is refused all the same', async () => {
  const [agent, client] = socketPair();
  const server = new StreamServer(
    {
      http: async ({ body }) => {
        const reading = body()[Symbol.asyncIterator]().next();
        reading.catch(() => {});
        throw errors.unavailable('nobody there');
      },
    },
    {
      dial: () => new Promise((resolve) => setTimeout(() => resolve(agent), 5)),
      refuse: async () => {
        throw new Error('it was dialled');
      },
    },
    silent,
  );
  server.offered([http]);
  const first = await new FramedStream(client).next();
  expect(first).toMatchObject({ status: { code: 503, message: 'nobody there' } });
});

test('a body that breaks off is no complete one', async () => {
  const seen: string[] = [];
  const { list, server } = answers({
    http: async ({ body }) => {
      try {
        for await (const bytes of body()) seen.push(String(Buffer.from(bytes)));
        seen.push('complete');
      } catch (error) {
        seen.push((error as Error).name);
      }
    },
  });
  server.offered([http]);
  await settled();
  const client = list[0]!.client!;
  await client.send(Buffer.from('half'));
  client.close(1001);
  await settled();
  expect(seen).toEqual(['half', 'StreamCut']);
});

test('what is unknown, makes no sense or is too much is refused, and spoils nothing else', async () => {
  const { list, server } = answers({ exec: ({ accept }) => accept().then(() => new Promise<void>(() => {})) });
  server.offered([null, 'x', { id: 'a', kind: 'teleport' }, { id: 'b', kind: 'exec' }, logs, { ...exec, id: 't' }]);
  await settled();
  expect(list.map(({ id, refused, client }) => [id, refused?.code ?? (client ? 'open' : '')])).toEqual([
    ['a', 501],
    ['b', 501],
    ['s', 503],
    ['t', 'open'],
  ]);
  server.offered(Array.from({ length: streamsMax }, (_, i) => ({ ...exec, id: `${i}` })));
  await settled();
  expect(server.count).toBe(streamsMax);
  expect(list.at(-1)!.refused).toMatchObject({ code: 429, reason: 'TooManyRequests' });
});

test.each([
  ['failed', new Error('Unexpected server response: 500'), ['warn']],
  ['is late, which is no failure', errors.gone('nobody waits'), ['info']],
])('a half that cannot be opened is refused: it may have been let in all the same; it %s', async (_, problem, said) => {
  const refused: unknown[] = [];
  const logged: string[] = [];
  const noting = (level: string) => () => void logged.push(level);
  const server = new StreamServer(
    { exec: ({ accept }) => accept().then(() => {}) },
    {
      dial: async () => {
        throw problem;
      },
      refuse: async (id, { code }) => void refused.push([id, code]),
    },
    { debug: noting('debug'), info: noting('info'), warn: noting('warn'), error: noting('error') },
  );
  server.offered([exec]);
  await settled();
  expect(refused).toEqual([['s', 503]]);
  expect(logged).toEqual(said);
  expect(server.count).toBe(0);
});

test('an offer that comes again is served once; how many are remembered is bounded', async () => {
  const { list, server } = answers({ exec: ({ accept }) => accept().then(() => {}) });
  server.offered([exec]);
  server.offered([exec, { ...exec, id: 't' }, { ...exec, id: 't' }, { id: 'a', kind: 'teleport' }]);
  server.offered([{ id: 'a', kind: 'teleport' }]);
  await settled();
  expect(list.map(({ id }) => id).sort()).toEqual(['a', 's', 't']);
  list.length = 0;
  for (let i = 0; i < 10_000; i++) {
    server.offered([
      { id: String(i), kind: 'teleport' },
      ...(i > 1000 ? [{ id: String(i - 1000), kind: 'teleport' }] : []),
    ]);
  }
  await settled();
  expect(list).toHaveLength(10_000);
  server.offered([exec]);
  await settled();
  expect(list).toHaveLength(10_001);
});

test('a client that goes away ends what serves it; so does the end of the agent', async () => {
  const reasons: string[] = [];
  const served: Partial<Servers> = {
    exec: async ({ signal, accept }) => {
      await accept();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      reasons.push('over');
    },
  };
  const { list, server } = answers(served);
  server.offered([exec, { ...exec, id: 't' }]);
  await settled();
  list[0]!.client!.close(1000);
  await settled();
  expect(reasons).toEqual(['over']);
  server.stop();
  await settled();
  expect(reasons).toEqual(['over', 'over']);
  expect(list[1]!.client!.closedWith?.code).toBe(1011);
  expect(server.count).toBe(0);
});

test('the end of the agent cuts a body, and does not fail it: it may go on with the next agent', async () => {
  const { list, server } = answers({
    log: async ({ accept }) => {
      const socket = await accept({ status: 200, headers: [] });
      await socket.send(Buffer.from('half'));
      await new Promise<void>((resolve) => socket.signal.addEventListener('abort', () => resolve()));
    },
  });
  server.offered([logs]);
  await settled();
  const stream = new FramedStream(list[0]!.client!);
  await stream.next();
  await stream.next();
  server.stop();
  await expect(stream.next()).rejects.toThrow(StreamCut);
  expect(list[0]!.client!.closedWith?.code).toBe(1001);
});

test('a sender waits for who does not take', async () => {
  const [agent, client] = socketPair();
  const [sender, taker] = [new FramedStream(agent), new FramedStream(client)];
  let sent = 0;
  const work = (async () => {
    for (let i = 0; i < 100; i++) {
      await sender.send(Buffer.alloc(100_000));
      sent += 100_000;
    }
    await sender.say({ end: {} });
  })();
  await settled();
  expect(sent).toBeLessThan(1_200_000);
  let taken = 0;
  for (let next = await taker.next(); next; next = await taker.next()) if ('bytes' in next) taken += next.bytes.length;
  await work;
  expect(taken).toBe(10_000_000);
});
