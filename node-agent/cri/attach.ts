// The streams of a container's first process, by CRI's streaming server: SPDY/3.1 to a URL on this machine, of which each stream is
// one of the process's. It has what the process's pipes have: an end of input (which, as the container asks for with stdinOnce,
// ends the process's or lets go of it), both outputs apart, and readers that stop the writer.
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { RuntimeError } from '../runtime.ts';
import type { AttachStreams, ContainerAttached, StandardStreams } from '../streams/processes.ts';
import { type Carrier, SpdySession, type SpdyStream } from '../streams/spdy.ts';
import type { CriClient } from './client.ts';

const upgradeMs = 30_000;
const protocol = 'v4.channel.k8s.io';

export async function attach(
  client: Pick<CriClient, 'runtime'>,
  containerId: string,
  streams: AttachStreams,
): Promise<ContainerAttached> {
  const { stdin, stdout, stderr, stdinOnce } = streams;
  // Once either output has ended, containerd ends the input, and an input that has ended takes the other output with it, unless that
  // is the process's end (stdinOnce): what of it was not yet read is lost. So the two are asked for apart.
  if (!stdin || !stdout || !stderr || stdinOnce) return attachOnce(client, containerId, streams);
  const main = await attachOnce(client, containerId, { ...streams, stderr: false });
  const errors = await attachOnce(client, containerId, { ...streams, stdin: false, stdout: false }).catch((error) => {
    main.close();
    throw error;
  });
  const ended = main.ended.then(() => (main.stdin?.writableEnded ? errors.close() : errors.ended));
  ended.catch(() => {});
  return {
    ...main,
    ...(errors.stderr ? { stderr: errors.stderr } : {}),
    ended,
    close() {
      main.close();
      errors.close();
    },
  };
}

async function attachOnce(
  client: Pick<CriClient, 'runtime'>,
  containerId: string,
  { stdin, stdout, stderr, tty }: StandardStreams,
): Promise<ContainerAttached> {
  const request = { container_id: containerId, stdin, stdout, stderr: stderr && !tty, tty };
  const { url } = await client.runtime<{ url: string }>('Attach', request, 30_000).catch((error: unknown) => {
    // containerd has no code for it.
    if (error instanceof RuntimeError && / is in CONTAINER_\w+ state/.test(error.message))
      throw new RuntimeError('FAILED_PRECONDITION', error.message);
    throw error;
  });
  const socket = await upgraded(url);
  const session = new SpdySession(socketCarrier(socket), { role: 'client', windowless: true });
  void session.run();
  try {
    const open = (wanted: boolean, type: string): Promise<SpdyStream> | undefined =>
      wanted ? session.open(new Map([['streamtype', type]])) : undefined;
    // All of them are waited for by the other side before anything begins.
    const [error, input, output, errors, sizes] = await Promise.all([
      session.open(new Map([['streamtype', 'error']])),
      open(request.stdin, 'stdin'),
      open(request.stdout, 'stdout'),
      open(request.stderr, 'stderr'),
      open(tty, 'resize'),
    ]);
    for (const readOnly of [error, output, errors]) readOnly?.end();
    for (const writeOnly of [input, sizes]) writeOnly?.resume();
    const ended = outcomeOf(error);
    // Who is attached may not ask.
    ended.catch(() => {});
    return {
      ...(input ? { stdin: input } : {}),
      ...(output ? { stdout: output } : {}),
      ...(errors ? { stderr: errors } : {}),
      ended,
      async resize(width, height) {
        sizes?.write(JSON.stringify({ Width: width, Height: height }));
      },
      close: () => session.close(),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** At once, since what follows may be a reset. */
function outcomeOf(stream: SpdyStream): Promise<void> {
  let said = '';
  stream.on('data', (data: Buffer) => {
    said += data.toString();
  });
  return new Promise((resolve, reject) => {
    stream.once('close', () => {
      const failure = failureIn(said);
      if (failure === undefined) resolve();
      else reject(new RuntimeError('UNKNOWN', failure));
    });
  });
}

/** The outcome as the server puts it: a Status. */
function failureIn(said: string): string | undefined {
  if (said === '') return 'the container runtime broke off';
  try {
    const { status, message } = JSON.parse(said) as { status?: unknown; message?: unknown };
    return status === 'Success' ? undefined : String(message);
  } catch {
    return said;
  }
}

function upgraded(url: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol },
      timeout: upgradeMs,
      agent: false,
    });
    request.once('upgrade', (_answer, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      socket.setTimeout(0);
      resolve(socket);
    });
    request.once('response', (answer) => {
      reject(new Error(`the runtime answered with ${answer.statusCode}`));
      answer.destroy();
    });
    request.once('timeout', () => request.destroy(new Error('the runtime did not answer')));
    request.once('error', reject);
    request.end();
  });
}

function socketCarrier(socket: Duplex): Carrier {
  const gone = new AbortController();
  const sending = new Set<(open: boolean) => void>();
  socket.on('error', () => {});
  socket.once('close', () => {
    gone.abort();
    for (const resolve of sending) resolve(false);
  });
  return {
    signal: gone.signal,
    send(data) {
      return new Promise((resolve) => {
        if (socket.destroyed || socket.writableEnded) return resolve(false);
        sending.add(resolve);
        socket.write(data, () => {
          sending.delete(resolve);
          resolve(!socket.destroyed);
        });
      });
    },
    async *receive() {
      try {
        for await (const piece of socket) yield piece as Uint8Array;
      } catch {
        // Its end, too.
      }
    },
    // What was said before is still sent.
    close: () => void socket.end(() => socket.destroy()),
  };
}
