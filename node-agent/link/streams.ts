// Streams that a client wants: the agent dials streams/ID and serves it. Logs: bytes as binary messages; an error as one text
// message with a Status, then the end.
import tls from 'node:tls';
import WebSocket from 'ws';
import { type ApiError, errors, type Status, toStatus } from '../../src/machinery/errors.ts';
import type { Log } from '../../src/ports/index.ts';
import { type StreamOffer, streamCredit, streamWindowBytes } from '../../src/protocol/node.ts';
import { requireTls } from './http.ts';

/** The agent's half of one stream. */
export interface Stream {
  /** False when the other side is gone. Resolves when it may go on. */
  write(data: Uint8Array): Promise<boolean>;
  end(status?: Status): void;
  readonly signal: AbortSignal;
}

export type DialStream = (id: string) => Promise<Stream>;
export type ServeLog = (offer: StreamOffer, stream: Stream) => Promise<void>;

const bufferedBytesMax = 1024 * 1024;

export function webSocketDialer(
  url: string,
  nodeName: string,
  credential: () => string,
  ca: string | undefined,
): DialStream {
  return (id) =>
    new Promise((resolve, reject) => {
      const target = `wss://${requireTls(url).host}/tiffin.dev/v1/nodes/${encodeURIComponent(nodeName)}/streams/${encodeURIComponent(id)}`;
      const socket = new WebSocket(target, {
        headers: { authorization: `Bearer ${credential()}` },
        perMessageDeflate: false,
        ...(ca ? { ca: [...tls.rootCertificates, ca] } : {}),
      });
      const abort = new AbortController();
      // What may still be sent before the client has taken more of it.
      let credit = streamWindowBytes;
      socket.on('message', (data, isBinary) => {
        if (isBinary) return;
        const granted = streamCredit.safeParse(JSON.parse(String(data)));
        if (granted.success) credit += granted.data.credit;
      });
      socket.on('close', () => abort.abort());
      socket.on('error', (error) => {
        abort.abort();
        reject(error);
      });
      socket.on('open', () =>
        resolve({
          signal: abort.signal,
          write: async (data) => {
            if (abort.signal.aborted) return false;
            socket.send(data, { binary: true });
            credit -= data.byteLength;
            while ((credit <= 0 || socket.bufferedAmount > bufferedBytesMax) && !abort.signal.aborted)
              await new Promise((r) => setTimeout(r, 20));
            return !abort.signal.aborted;
          },
          end: (status) => {
            if (status) socket.send(JSON.stringify({ status }));
            socket.close(1000);
          },
        }),
      );
    });
}

export async function serveStream(offer: StreamOffer, dial: DialStream, serve: ServeLog, log: Log): Promise<void> {
  let stream: Stream;
  try {
    stream = await dial(offer.id);
  } catch (error) {
    log.warn('stream not opened', { id: offer.id, error: String(error) });
    return;
  }
  try {
    await serve(offer, stream);
    stream.end();
  } catch (error) {
    const known = error instanceof Error && error.name === 'ApiError' ? (error as ApiError) : errors.internal(error);
    stream.end(toStatus(known));
  }
}
