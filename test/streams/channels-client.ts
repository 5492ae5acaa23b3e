// A client of a connection to a port of a pod where everything comes back. Where all of it has, and nothing was said of an error, it
// says that it went well, as commands do. (kubectl's form, SPDY in a WebSocket, has a subprotocol that no client library asks for.)
import WebSocket from 'ws';
import { type Client, check, type Input, ofSocket, type Seen, socketOptions, type Target } from './clients.ts';

type Bytes = (place: number, length: number) => Buffer;

const success = { status: 'Success' };
const url = ({ port, path }: Target): string => `wss://127.0.0.1:${port}${path}`;
/** Of each channel the first message, which names the port. */
const portBytes = 2;

/** By the channels of a WebSocket: 0 is the connection, 1 what went wrong with it. */
export function channelsClient(target: Target, bytes: Bytes, input: Input & { port: number }): Client {
  const socket = new WebSocket(url(target), ['v4.channel.k8s.io'], socketOptions(target));
  const seen: Seen = { got: 0, sent: 0, closed: 0 };
  const begun = new Set<number>();
  let failed = false;
  const over = (): void => {
    if (seen.got < input.bytes || failed || begun.size < 2) return;
    seen.status = success;
    socket.close(1000);
  };
  const send = (): void => {
    if (socket.readyState !== WebSocket.OPEN || seen.sent === input.bytes) return;
    const length = Math.min(input.chunk(), input.bytes - seen.sent);
    const message = Buffer.concat([Buffer.from([0]), bytes(seen.sent, length)]);
    seen.sent += length;
    socket.send(message, () => send());
  };
  socket.on('open', send);
  socket.on('message', (data: Buffer) => {
    const channel = data[0]!;
    if (!begun.has(channel)) {
      if (data.length !== 1 + portBytes || data.readUInt16LE(1) !== input.port) seen.problem ??= 'not the port';
      begun.add(channel);
    } else if (channel === 0) check(seen, data.subarray(1), bytes);
    else failed = true;
    over();
  });
  return ofSocket(socket, seen);
}
