// Two sessions over carriers that split and merge at random; raw frames against one; and Node's own zlib as the other side's headers.
import { randomBytes } from 'node:crypto';
import { finished } from 'node:stream/promises';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Carrier, SpdySession, type SpdyStream, StreamReset } from './spdy.ts';
import {
  dictionary,
  type Frame,
  FrameReader,
  FrameWriter,
  HeaderReader,
  HeaderWriter,
  SpdyError,
} from './spdy-frames.ts';

const capacity = 256 * 1024;

/** An end of a pipe of bytes that holds at most `capacity`; what comes out is cut as `cut` says. */
class End implements Carrier {
  readonly #gone = new AbortController();
  readonly #queue: Uint8Array[] = [];
  #at = 0;
  #bytes = 0;
  #changed: (() => void)[] = [];
  readonly #cut: () => number;
  peer: End = this;
  sentBytes = 0;
  broken: string | undefined;

  constructor(cut: () => number) {
    this.#cut = cut;
  }
  get signal(): AbortSignal {
    return this.#gone.signal;
  }
  async send(data: Uint8Array): Promise<boolean> {
    if (this.signal.aborted) return false;
    const { peer } = this;
    this.sentBytes += data.length;
    // Its memory is used again.
    peer.#queue.push(Buffer.from(data));
    peer.#bytes += data.length;
    peer.#wake();
    while (peer.#bytes > capacity && !this.signal.aborted) await peer.#change();
    return !this.signal.aborted;
  }
  async *receive(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.#queue[this.#at++];
      if (!next) this.#at = this.#queue.length = 0;
      if (next) {
        for (let at = 0; at < next.length; ) {
          const piece = next.subarray(at, at + this.#cut());
          at += piece.length;
          this.#bytes -= piece.length;
          this.#wake();
          yield piece;
        }
      } else if (this.signal.aborted) return;
      else await this.#change();
    }
  }
  close(broken?: string): void {
    this.broken ??= broken;
    for (const end of [this, this.peer]) {
      end.#gone.abort();
      end.#wake();
    }
  }
  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }
  #wake(): void {
    for (const go of this.#changed.splice(0)) go();
  }
}

function pipe(cut: () => number = () => Infinity): [End, End] {
  const ends: [End, End] = [new End(cut), new End(cut)];
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  return ends;
}

function sessions(opened: (stream: SpdyStream) => boolean, cut?: () => number) {
  const [here, there] = pipe(cut);
  const client = new SpdySession(here, { role: 'client' });
  const server = new SpdySession(there, { role: 'server', opened });
  const over = Promise.all([client.run(), server.run()]);
  return { client, server, here, there, over };
}

/** Without an end of the other half, unlike node:stream/consumers. */
function buffer(stream: SpdyStream): Promise<Buffer> {
  const got: Buffer[] = [];
  return new Promise((resolve, reject) => {
    stream.on('data', (data) => got.push(data)).once('end', () => resolve(Buffer.concat(got)));
    stream.once('error', reject);
  });
}

const named = (name: string) => new Map([['name', name]]);
const settle = (ms = 20): Promise<void> => new Promise((r) => setTimeout(r, ms));

test('whatever is sent on however many streams, however it is cut, arrives as it was, each half by itself', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 4 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 1 << 30 }),
      async (plans, seed) => {
        let x = seed;
        const random = (max: number): number => {
          x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
          return 1 + ((x >> 8) % max);
        };
        // What comes is said again behind its end.
        const { client, over } = sessions(
          (stream) => {
            void buffer(stream).then((all) => stream.end(all));
            return true;
          },
          () => random(random(3) === 1 ? 12 : 100_000),
        );
        await Promise.all(
          plans.map(async (sizes, i) => {
            const stream = await client.open(named(String(i)));
            const sent = sizes.map((size) => randomBytes(size));
            for (const part of sent) if (!stream.write(part)) await new Promise((r) => stream.once('drain', r));
            stream.end();
            expect(Buffer.compare(await buffer(stream), Buffer.concat(sent))).toBe(0);
            if (!stream.closed) await new Promise((r) => stream.once('close', r));
          }),
        );
        expect(client.streams).toBe(0);
        client.close();
        await over;
      },
    ),
    { numRuns: 40 },
  );
});

test('who does not read one stream holds up its writer, and nobody else', async () => {
  const arrived = new Map<string, SpdyStream>();
  const { client, here } = sessions((stream) => {
    arrived.set(stream.headers.get('name')!, stream);
    return true;
  });
  const [stuck, busy] = [await client.open(named('stuck')), await client.open(named('busy'))];
  stuck.write(Buffer.alloc(8 << 20));
  await settle();
  // Its window and what is read ahead of it.
  expect(here.sentBytes).toBeLessThan(1200 * 1024);
  const through = Buffer.alloc(3_000_000, 'x');
  busy.end(through);
  expect((await buffer(arrived.get('busy')!)).length).toBe(through.length);
  // Taken in the end.
  stuck.end();
  expect((await buffer(arrived.get('stuck')!)).length).toBe(8 << 20);
  client.close();
});

/** A client of which each frame is written here. */
function raw(opened: (stream: SpdyStream) => boolean = () => true) {
  const [here, there] = pipe();
  const server = new SpdySession(there, { role: 'server', opened });
  const over = server.run();
  const frames: Frame[] = [];
  const reader = new FrameReader();
  void (async () => {
    for await (const piece of here.receive()) for (const frame of reader.read(piece)) frames.push(frame);
  })();
  return {
    here,
    there,
    over,
    frames,
    server,
    writer: new FrameWriter(),
    of: (type: string) => frames.filter((f) => f.type === type),
  };
}

test('who does not know of windows is not waited for, and not read when too much waits', async () => {
  let stream: SpdyStream | undefined;
  const { here, writer, of, over } = raw((s) => {
    stream = s;
    return true;
  });
  await here.send(writer.synStream(1, new Map()));
  let sent = 0;
  let stopped = false;
  const sending = (async () => {
    const frame = writer.data(1, false, Buffer.alloc(64 * 1024));
    for (let i = 0; i < 1000 && (await here.send(frame)); i++) sent += 64 * 1024;
    stopped = true;
  })();
  await settle(100);
  expect(stopped).toBe(false);
  expect(sent).toBeGreaterThan(3 << 20);
  expect(sent).toBeLessThan(5 << 20);
  // Far more than any window that was given.
  const answer = Buffer.alloc(2 << 20, 'y');
  stream!.write(answer);
  await settle(100);
  const got = of('data').reduce((sum, f) => sum + (f as { data: Uint8Array }).data.length, 0);
  expect(got).toBe(answer.length);
  here.close();
  await sending;
  await over;
  expect(stream!.destroyed).toBe(true);
});

test('who does not look at windows is told of none, however much is read', async () => {
  const [here, there] = pipe();
  const client = new SpdySession(here, { role: 'client', windowless: true });
  const server = new SpdySession(there, { role: 'server', opened: (stream) => void stream.end(big) === undefined });
  const big = randomBytes(3 * 1024 * 1024);
  void server.run();
  void client.run();
  const stream = await client.open(new Map());
  await new Promise<void>((ended) => stream.end(ended));
  const asked = here.sentBytes;
  let length = 0;
  for await (const data of stream) length += (data as Buffer).length;
  expect(length).toBe(big.length);
  expect(here.sentBytes).toBe(asked);
  client.close();
});

test('windows that are given are kept to, whole and by stream', async () => {
  let stream: SpdyStream | undefined;
  const { here, writer, of } = raw((s) => {
    stream = s;
    return true;
  });
  await here.send(writer.initialWindow(1000));
  await here.send(writer.synStream(1, new Map()));
  await settle();
  stream!.end(Buffer.alloc(100_000));
  const got = (): number => of('data').reduce((sum, f) => sum + (f as { data: Uint8Array }).data.length, 0);
  await settle();
  expect(got()).toBe(1000);
  await here.send(writer.windowUpdate(1, 500));
  await settle();
  expect(got()).toBe(1500);
  await here.send(writer.windowUpdate(1, 200_000));
  await settle();
  // The session's own.
  expect(got()).toBe(65_536);
  await here.send(writer.windowUpdate(0, 200_000));
  await settle();
  expect(got()).toBe(100_000);
  expect(of('data').at(-1)).toMatchObject({ fin: true });
  here.close();
});

test('a reset reaches the other side, once, and takes what waited', async () => {
  const arrived: SpdyStream[] = [];
  const { client, server, over } = sessions((stream) => {
    arrived.push(stream);
    return true;
  });
  const stream = await client.open(new Map());
  stream.write('x');
  arrived[0]!.destroy();
  await expect(finished(stream)).rejects.toThrow(StreamReset);
  expect([client.streams, server.streams]).toEqual([0, 0]);
  const next = await client.open(new Map());
  next.end('still here');
  expect(String(await buffer(arrived[1]!))).toBe('still here');
  client.close();
  await over;
});

test('a reset after the end leaves what was not read yet, wherever it waits', async () => {
  for (const words of [['one'], ['one', 'two']]) {
    let stream: SpdyStream | undefined;
    const { here, writer } = raw((s) => {
      stream = s;
      return true;
    });
    await here.send(writer.synStream(1, new Map()));
    await settle();
    // It asks for the first piece, and does not take it.
    stream!.read(0);
    for (const [i, word] of words.entries())
      await here.send(writer.data(1, i === words.length - 1, Buffer.from(word), Buffer.alloc(100)));
    await here.send(writer.rstStream(1, 5));
    await settle();
    expect(String(await buffer(stream!))).toBe(words.join(''));
    here.close();
  }
});

test('streams are refused: by their server, when there are too many, and when the session ends', async () => {
  const refusing = sessions(() => false);
  await expect(refusing.client.open(new Map())).rejects.toThrow(StreamReset);
  refusing.client.close();
  await expect(refusing.client.open(new Map())).rejects.toThrow('the session ends');

  const { here, writer, of, server } = raw();
  for (let i = 0; i < 2100; i++) await here.send(writer.synStream(2 * i + 1, new Map()));
  await settle(100);
  expect(server.streams).toBe(2048);
  expect(of('rstStream').length).toBe(2100 - 2048);
  here.close();
});

test('pings are answered; who asks without listening is not listened to', async () => {
  const { here, writer, of } = raw();
  await here.send(writer.ping(7));
  await here.send(writer.ping(8));
  await settle();
  expect(of('ping')).toEqual([{ type: 'ping', id: 7 }]);
  here.close();

  const [client, there] = pipe();
  void new SpdySession(there, { role: 'server' }).run();
  let asked = 0;
  void (async () => {
    while (asked < 200_000 && (await client.send(writer.ping(1)))) asked++;
  })();
  await settle(300);
  expect(asked).toBeLessThan(100_000);
  expect(there.sentBytes).toBeLessThan(2 * capacity);
  client.close();
});

test('a session that is told that the other side goes ends with its last stream', async () => {
  let stream: SpdyStream | undefined;
  const { here, writer, over } = raw((s) => {
    stream = s;
    return true;
  });
  await here.send(writer.synStream(1, new Map()));
  await here.send(writer.goAway(0, 0));
  await settle();
  expect(here.signal.aborted).toBe(false);
  stream!.destroy();
  await over;
  expect(here.signal.aborted).toBe(true);
});

test('garbage ends the session, and never more than that', async () => {
  const writer = new FrameWriter();
  const cases: [string, Buffer][] = [
    ['text', Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n')],
    ['another version', Buffer.from('8002000100000004 00000001'.replaceAll(' ', ''), 'hex')],
    ['a frame that is too large', Buffer.from('8003000100ffffff', 'hex')],
    ['a frame that is too short', Buffer.from('80030006 00000000'.replaceAll(' ', ''), 'hex')],
    ['an unknown frame', Buffer.from('8003000b 00000004 00000001'.replaceAll(' ', ''), 'hex')],
    [
      'headers that are none',
      Buffer.from('80030001 0000000e 00000001 00000000 0000 78bb0000'.replaceAll(' ', ''), 'hex'),
    ],
    ['an even stream', writer.synStream(2, new Map())],
    ['data of stream 0', writer.data(0, false, Buffer.from('x'))],
    ['data before its stream', writer.data(5, false, Buffer.from('x'))],
    ['settings without an end', Buffer.from('80030004 00000004 ffffffff'.replaceAll(' ', ''), 'hex')],
  ];
  for (const [what, bytes] of cases) {
    const { here, there, over, of } = raw();
    await here.send(bytes);
    await over;
    await settle(1);
    expect(there.broken, what).toBeDefined();
    expect(of('goAway'), what).toEqual([{ type: 'goAway', lastId: expect.any(Number), status: 1 }]);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const { here, over } = raw();
      await here.send(bytes);
      here.close();
      await over;
    }),
  );
});

test('a frame of data may be as large as it likes: nobody gathers it', () => {
  const reader = new FrameReader();
  const head = Buffer.from('0000000101ffffff', 'hex');
  expect([...reader.read(head)]).toEqual([]);
  const piece = Buffer.alloc(0xffffff - 1);
  expect([...reader.read(piece)]).toMatchObject([{ id: 1, fin: false }]);
  expect([...reader.read(Buffer.alloc(1))]).toMatchObject([{ id: 1, fin: true }]);
});

test('headers of zlib are understood, block by block, and it understands ours', async () => {
  // The checksum by which the protocol names its dictionary.
  const deflate = zlib.createDeflate({ dictionary });
  const inflate = zlib.createInflate({ dictionary });
  const flushed = (block: Buffer): Promise<Buffer> =>
    new Promise((resolve) => {
      deflate.write(block);
      deflate.flush(zlib.constants.Z_SYNC_FLUSH, () => resolve(deflate.read() as Buffer));
    });
  const reader = new HeaderReader();
  const writer = new HeaderWriter();
  for (let i = 0; i < 50; i++) {
    const headers = new Map([
      ['streamtype', i % 2 ? 'data' : 'error'],
      ['port', String(8000 + i)],
      ['requestid', String(i >> 1)],
      ['x', 'abc'.repeat((i * 97) % 3000)],
    ]);
    const stored = writer.write(headers);
    const plain = stored.subarray(i === 0 ? 7 : 5, -5);
    const block = await flushed(plain);
    if (i === 0) expect(block.readUInt32BE(2)).toBe(0xe3c6a7c2);
    expect(reader.read(block)).toEqual(headers);
    const back = await new Promise<Buffer>((resolve) => {
      const got: Buffer[] = [];
      inflate.on('data', (d) => got.push(d));
      inflate.write(stored, () => resolve(Buffer.concat(got)));
    });
    inflate.removeAllListeners('data');
    expect(back.equals(plain)).toBe(true);
  }
  const bomb = zlib.deflateSync(Buffer.alloc(10_000_000), { dictionary, finishFlush: zlib.constants.Z_SYNC_FLUSH });
  expect(() => new HeaderReader().read(bomb)).toThrow(SpdyError);
});
