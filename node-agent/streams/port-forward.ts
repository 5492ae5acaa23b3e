// Serves `kubectl port-forward`: connections to ports on a pod's own localhost, many over one socket. Either as streams of
// SPDY/3.1, a pair for each connection (what kubectl ≥ 1.31 puts into a WebSocket), or by the channels of a WebSocket, a pair for
// each port that the request names, one connection each.
//
// Each half of a connection ends apart. A pod that ends its half is listened for no longer than the client goes on sending: the
// client's own end of that connection is not told of it before both are over.
import { Duplex, type Writable } from 'node:stream';
import { errors } from '../../src/machinery/errors.ts';
import type { PortForwardOffer } from '../../src/protocol/streams.ts';
import { errnoText } from '../errno.ts';
import type { Sandbox } from '../runtime.ts';
import { type ChannelCodec, ChannelError, channelCodec } from './channels.ts';
import type { Processes } from './processes.ts';
import { type Carrier, SpdySession, type SpdyStream } from './spdy.ts';
import { SpdyError } from './spdy-frames.ts';
import type { ClientSocket, ServeSocket } from './types.ts';

/** Of the manager of pods, what finds a sandbox. */
export interface PodSandboxes {
  worker(uid: string): { state: { sandboxes: readonly Pick<Sandbox, 'id' | 'ready'>[] } } | undefined;
}

/** A client's end of one connection. */
interface Forwarded {
  port: number;
  data: Duplex;
  error: Writable;
}

const spdyPrefix = 'SPDY/3.1+';
const pairMs = 30_000;
/** So much silence of the client after the pod's end is the end. */
const quietMs = 100;
/** What a client still sends of a connection that is over is passed over so long. */
const lateMs = 10_000;
const channelsMax = 256;

export function portForwardServer(
  pods: PodSandboxes,
  processes: Pick<Processes, 'dial'>,
): ServeSocket<PortForwardOffer> {
  return async ({ offer, accept }) => {
    const { protocol, podUid, ports } = offer;
    if (!pods.worker(podUid)) throw errors.notFound({ group: '', plural: 'pods' }, offer.pod);
    const spdy = protocol.startsWith(spdyPrefix);
    if (!spdy && ports.length === 0) throw errors.badRequest('query parameter "port" is required');
    if (ports.length * 2 > channelsMax) throw errors.badRequest('too many ports');
    // Asked for each connection: a pod's sandbox may be another one by then.
    const forward = async (f: Forwarded): Promise<void> => {
      const sandbox = pods.worker(podUid)?.state.sandboxes[0];
      const to = sandbox?.id ?? `${offer.pod}_${offer.namespace}(${podUid})`;
      try {
        if (!sandbox) throw new Error(`failed to find sandboxID for pod ${to}`);
        if (!sandbox.ready) throw new Error('sandbox container is not running');
        const connection = await processes.dial(sandbox.id, f.port);
        await join(connection, f.data);
        f.error.end();
      } catch (error) {
        const why = wordsOf(error);
        f.error.end(`error forwarding port ${f.port} to pod ${to}, uid : ${why}`);
        f.data.destroy();
      }
    };
    const socket = await accept();
    if (spdy) await serveSpdy(socket, forward);
    else await serveChannels(socket, channelCodec(protocol), ports, forward);
  };
}

/** Of a connection that the pod has cut, as Go says it. */
function wordsOf(error: unknown): string {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET' && syscall) return `${syscall}: ${errnoText(code)}`;
  return code === 'EPIPE' ? `write: ${errnoText(code)}` : (message ?? String(error));
}

type Forward = (connection: Forwarded) => Promise<void>;

/** Resolves when both halves are over, or the client is gone; rejects where the pod breaks off. */
function join(connection: Duplex, client: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    let quiet: NodeJS.Timeout | undefined;
    let podEnded = false;
    let inputEnded = false;
    let over = false;
    const done = (error?: Error): void => {
      if (over) return;
      over = true;
      clearTimeout(quiet);
      client.off('data', heard);
      connection.destroy();
      if (error) reject(error);
      else {
        letGo(client);
        resolve();
      }
    };
    const heard = (): void => void quiet?.refresh();
    if (client.destroyed) return done();
    connection.on('error', done).once('close', () => done());
    client.once('close', () => done());
    // What the pod has not taken yet is no silence of the client's.
    const silent = (): void => {
      if (connection.writableLength > 0) quiet?.refresh();
      else done();
    };
    connection.once('end', () => {
      podEnded = true;
      if (inputEnded) return done();
      quiet = setTimeout(silent, quietMs);
      client.on('data', heard);
    });
    connection.once('finish', () => {
      inputEnded = true;
      if (podEnded) done();
    });
    connection.pipe(client);
    client.pipe(connection);
  });
}

/** What was written to it is still sent. */
function letGo(client: Duplex): void {
  if (client.destroyed) return;
  client.end();
  client.resume();
  const wait = (): void => {
    const late = setTimeout(() => client.destroy(), lateMs).unref();
    client.once('close', () => clearTimeout(late));
  };
  if (client.writableFinished) wait();
  else client.once('finish', wait);
}

export function spdyCarrier(socket: ClientSocket): Carrier {
  return {
    signal: socket.signal,
    send: (data) => socket.send(data),
    async *receive() {
      for await (const { data, text } of socket.messages()) {
        if (text) throw new SpdyError('a message of text');
        yield data;
      }
    },
    close: (broken) => (broken === undefined ? socket.close(1000) : socket.close(1002, broken)),
  };
}

interface Pair {
  error?: SpdyStream;
  data?: SpdyStream;
  late: NodeJS.Timeout;
}

async function serveSpdy(socket: ClientSocket, forward: Forward): Promise<void> {
  const pairs = new Map<string, Pair>();
  const opened = (stream: SpdyStream): boolean => {
    const type = stream.headers.get('streamtype');
    if (portOf(stream) === undefined || (type !== 'error' && type !== 'data')) return false;
    // Old clients number no requests, but open a pair's streams one after the other, the error's first.
    const id = stream.headers.get('requestid') || String(type === 'error' ? stream.id : stream.id - 2);
    const pair = pairs.get(id) ?? { late: setTimeout(() => give(id, 'timed out waiting for streams'), pairMs) };
    pairs.set(id, pair);
    if (pair[type]) {
      pair.error?.write(`error processing stream for request ${id}: ${type} stream already assigned`);
      return false;
    }
    pair[type] = stream;
    if (type === 'error') stream.resume();
    if (!pair.error || !pair.data) return true;
    drop(id);
    const connection = { port: portOf(pair.data)!, data: pair.data, error: pair.error };
    queueMicrotask(() => void forward(connection));
    return true;
  };
  const drop = (id: string): Pair | undefined => {
    const pair = pairs.get(id);
    clearTimeout(pair?.late);
    pairs.delete(id);
    return pair;
  };
  const give = (id: string, why: string): void => {
    const pair = drop(id);
    pair?.error?.end(`(request=${id}) ${why}`);
    pair?.data?.destroy();
  };
  await new SpdySession(spdyCarrier(socket), { role: 'server', opened }).run();
  for (const id of [...pairs.keys()]) drop(id);
}

function portOf({ headers }: SpdyStream): number | undefined {
  const text = headers.get('port') ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 0xffff ? port : undefined;
}

/** Channel 2n is the data of the n-th port, 2n + 1 its errors; both begin with its number. */
async function serveChannels(
  socket: ClientSocket,
  codec: ChannelCodec,
  ports: readonly number[],
  forward: Forward,
): Promise<void> {
  const ends = ports.map((_, i) => ({
    data: new Channel((data) => socket.send(codec.encode(2 * i, data))),
    error: new Channel((data) => socket.send(codec.encode(2 * i + 1, data))),
  }));
  const all = async (): Promise<void> => {
    await Promise.all(
      ports.map(async (port, i) => {
        const { data, error } = ends[i]!;
        const number = Buffer.from([port & 0xff, port >> 8]);
        data.write(number);
        error.write(number);
        await forward({ port, data, error });
        if (!error.writableFinished && !error.destroyed)
          await new Promise((r) => error.once('finish', r).once('close', r));
      }),
    );
    socket.close(1000);
  };
  const over = all();
  try {
    for await (const message of socket.messages()) {
      const said = codec.decode(message);
      const end = said && said.channel % 2 === 0 ? ends[said.channel / 2]?.data : undefined;
      if (end && said && 'data' in said && said.data.length > 0) await end.received(said.data);
    }
  } catch (error) {
    socket.close(error instanceof ChannelError ? 1002 : 1011, String(error));
  }
  for (const end of ends.flatMap((e) => [e.data, e.error])) end.destroy();
  await over;
}

class Channel extends Duplex {
  readonly #send: (data: Uint8Array) => Promise<boolean>;
  #taken: (() => void) | undefined;

  constructor(send: (data: Uint8Array) => Promise<boolean>) {
    super({ allowHalfOpen: true });
    this.#send = send;
    // Its close is all that matters.
    this.on('error', () => {});
  }

  /** Resolves when more may come. */
  async received(data: Uint8Array): Promise<void> {
    if (this.destroyed || this.push(data)) return;
    await new Promise<void>((resolve) => {
      this.#taken = resolve;
    });
  }

  override _read(): void {
    this.#taken?.();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#send(chunk).then((open) => done(open ? undefined : new Error('the connection is gone')), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#taken?.();
    done(error);
  }
}
