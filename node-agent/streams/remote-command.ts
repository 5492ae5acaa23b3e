// What exec and attach have in common: a client's channels joined with the standard streams of a process, until what is waited for
// has happened; then a Status on the error channel and the end. Whoever does not read stops the other side, in each direction.
//
// A client that goes away does not take the process with it: as with CRI its input ends, and nobody reads its output any more.
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, errors } from '../../src/machinery/errors.ts';
import type { AttachOffer, ExecOffer } from '../../src/protocol/streams.ts';
import type { ContainerRecord } from '../runtime.ts';
import { type ChannelCodec, ChannelError, channelCodec, channels } from './channels.ts';
import { drained } from './drained.ts';
import type { Attached, Output, StandardStreams, TerminalSize } from './processes.ts';
import { TerminalSizes } from './terminal-sizes.ts';
import type { ClientSocket, SocketOffered } from './types.ts';

/** Of the manager of pods, what finds a container. */
export interface Pods {
  worker(
    uid: string,
  ): { state: { containers: ReadonlyMap<string, Pick<ContainerRecord, 'id' | 'name' | 'state'>> } } | undefined;
}

/** What the error channel says at the end, as meta/v1 has it. */
export interface Outcome {
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { causes: { reason?: string; message: string }[] };
  code?: number;
}

export const success: Outcome = { metadata: {}, status: 'Success' };

const internalErrorText = (message: string): string => `Internal error occurred: ${message}`;

export const internalError = (message: string): Outcome => ({
  metadata: {},
  status: 'Failure',
  message: internalErrorText(message),
  reason: 'InternalError',
  details: { causes: [{ message }] },
  code: 500,
});

/** Of what the runtime says: clients of v5 are told it by another server, which upstream says so once more. */
export const runtimeError = (protocol: string, message: string): Outcome =>
  internalError(protocol.startsWith('v5.') ? internalErrorText(message) : message);

/** v4 and v5 tell the outcome as JSON, older ones a failure's message only. */
const isVersioned = (protocol: string): boolean => /^v[45]\./.test(protocol);

/** What a client that has gone sent before is still delivered, if somebody takes it this soon. */
const lateInputMs = 10_000;
/** What is read of a client before its process has started: the size of its terminal may be behind it. */
const earlyBytesMax = 64 * 1024;

export interface RemoteCommand<A extends Attached> {
  /** What the kubelet says where no such container runs. */
  absent(container: string): string;
  /** `size`: what the client's terminal has, which it says at once, if at all. */
  start(containerId: string, streams: StandardStreams, size: () => Promise<TerminalSize | undefined>): Promise<A>;
  /** When it is over; rejects with what {@link failed} puts into words. */
  outcome(attached: A): Promise<Outcome>;
  failed(error: unknown): Outcome;
}

type Offer = ExecOffer | AttachOffer;

/** Resolves when the command is over or the client is gone. */
export async function serveRemoteCommand<O extends Offer, A extends Attached>(
  pods: Pods,
  stream: SocketOffered<O>,
  command: RemoteCommand<A>,
): Promise<void> {
  const { protocol, stdin, stdout, tty, ...offer } = stream.offer;
  // A terminal has one output.
  const streams = { stdin, stdout, stderr: offer.stderr && !tty, tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw errors.badRequest('you must specify at least 1 of stdin, stdout, stderr');
  const container = runningContainer(pods, stream.offer, command.absent);
  // A client of v5 that is refused would try SPDY, and show what comes of that. There the API server has accepted it before it asks
  // the node, and passes on what the node says.
  if (container instanceof ApiError && !protocol.startsWith('v5.')) throw container;
  const client = await stream.accept();
  const gone = new Promise<undefined>((resolve) => {
    if (client.signal.aborted) resolve(undefined);
    else client.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const codec = channelCodec(protocol);
  const say = (channel: number, data: Uint8Array): Promise<boolean> => client.send(codec.encode(channel, data));
  // By this the client knows that it is connected.
  await say(streams.stdout ? channels.stdout : streams.stderr ? channels.stderr : channels.error, new Uint8Array());
  const finish = async (outcome: Outcome): Promise<void> => {
    if (isVersioned(protocol)) await say(channels.error, Buffer.from(JSON.stringify(outcome)));
    else if (outcome.status === 'Failure') await say(channels.error, Buffer.from(outcome.message ?? ''));
    client.close(1000);
    // Until a slow client has taken the rest the stream is one of those that are counted.
    await gone;
  };
  if (container instanceof ApiError) return finish(internalError(`unable to upgrade connection: ${container.message}`));

  const { failed } = command;
  const sizes = new TerminalSizes();
  const started = command.start(container, streams, () => sizes.first(gone));
  const input = takeInput(client, codec, sizes, started);
  let attached: A;
  try {
    attached = await started;
  } catch (error) {
    return finish(failed(error));
  }
  sizes.to(({ width, height }) => attached.resize(width, height));
  const copy = (from: Output | undefined, channel: number): Promise<void> =>
    copied(from, {
      say: (data) => say(channel, data),
      pass: (piece) => client.send(codec.encodeInPlace(channel, piece)),
    });
  const output = Promise.all([copy(attached.stdout, channels.stdout), copy(attached.stderr, channels.stderr)]);
  try {
    const outcome = await Promise.race([gone, command.outcome(attached).catch(failed)]);
    if (outcome && (await Promise.race([gone, output.then(() => true)]))) return await finish(outcome);
    await Promise.race([input, delay(lateInputMs, undefined, { ref: false })]);
  } finally {
    attached.close();
  }
}

/** In the kubelet's words, where there is none. */
function runningContainer(pods: Pods, offer: Offer, absent: (container: string) => string): string | ApiError {
  const worker = pods.worker(offer.podUid);
  if (!worker) return new ApiError('NotFound', 'pod does not exist');
  for (const { name, state, id } of worker.state.containers.values())
    if (name === offer.container && state === 'running') return id;
  return new ApiError('InternalError', absent(offer.container));
}

/** `pass`: of what is lent. */
async function copied(
  from: Output | undefined,
  { say, pass }: Record<'say' | 'pass', (data: Uint8Array) => Promise<boolean>>,
): Promise<void> {
  try {
    if (from?.lend) return await from.lend(pass);
    for await (const data of from ?? []) if (!(await say(data))) return;
  } catch {
    // Closed from here.
  }
}

/** Until the client's side of the socket ends. What nobody takes any more is passed over, so that the socket's own end is seen. */
async function takeInput(
  client: ClientSocket,
  codec: ChannelCodec,
  sizes: TerminalSizes,
  started: Promise<Attached>,
): Promise<void> {
  let room = earlyBytesMax;
  let written: Promise<unknown> = started.then(
    () => {
      room = 0;
    },
    () => {},
  );
  const write = (work: (stdin: Writable) => unknown): void => {
    written = written
      .then(() => started)
      .then(({ stdin }) => stdin && work(stdin))
      .catch(() => {});
  };
  try {
    for await (const message of client.messages()) {
      const said = codec.decode(message);
      if (!said) continue;
      if (said.channel === channels.stdin) {
        if ('closed' in said) write((stdin) => stdin.end());
        else write((stdin) => stdin.writable && !stdin.write(said.data) && drained(stdin));
        room -= message.data.byteLength;
        if (room <= 0) await written;
      } else if (said.channel === channels.resize && !('closed' in said)) sizes.take(said.data);
      else if ('closed' in said && said.channel > channels.resize) throw new ChannelError('there is no such channel');
    }
  } catch (error) {
    client.close(error instanceof ChannelError ? 1002 : 1011, String(error));
  }
  write((stdin) => stdin.end());
  await written;
}
