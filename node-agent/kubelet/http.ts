// Requests to what a kubelet serves, and answers: no port is opened, they come as streams. Texts and codes are Go's net/http's and
// go-restful's.
import type { HttpOffer } from '../../src/protocol/streams.ts';
import type { BodyOffered } from '../streams/types.ts';

export interface Request {
  method: string;
  /** Decoded, without the query. */
  path: string;
  query: URLSearchParams;
  /** For answers that stream: the offer itself. */
  stream: BodyOffered<HttpOffer>;
}

export interface Answer {
  status: number;
  headers: [string, string][];
  body: string | AsyncIterable<Uint8Array>;
  /** What the body is read from: let go of once the answer is over, read or not. */
  close?(): Promise<void>;
}

const plain = 'text/plain; charset=utf-8';
const chunkUnits = 64 * 1024;

export const text = (body: string, status = 200, type = plain): Answer => ({
  status,
  headers: [
    ['content-type', type],
    ['x-content-type-options', 'nosniff'],
  ],
  body,
});
/** As Go's http.Error. */
export const failure = (message: string, status: number): Answer => text(`${message}\n`, status);
export const json = (value: unknown): Answer => text(JSON.stringify(value), 200, 'application/json');
export const notFound = (): Answer => failure('404 page not found', 404);
export const methodNotAllowed = (allowed: string): Answer => {
  const answer = text('Method Not Allowed', 405);
  return { ...answer, headers: [...answer.headers, ['allow', allowed]] };
};

/** Undefined: its path makes no sense. */
export function requestOf(stream: BodyOffered<HttpOffer>): Request | undefined {
  const { method, path: given } = stream.offer;
  const at = given.indexOf('?');
  try {
    return {
      method,
      path: decodeURIComponent(at === -1 ? given : given.slice(0, at)),
      query: new URLSearchParams(at === -1 ? '' : given.slice(at + 1)),
      stream,
    };
  } catch {
    return undefined;
  }
}

export async function respond({ method, stream }: Pick<Request, 'method' | 'stream'>, answer: Answer): Promise<void> {
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : undefined;
  const headers: [string, string][] = [...answer.headers];
  if (bytes) headers.push(['content-length', String(bytes.byteLength)]);
  try {
    const socket = await stream.accept({ status: answer.status, headers });
    if (method !== 'HEAD') {
      for await (const chunk of bytes ? chunks(bytes) : (answer.body as AsyncIterable<Uint8Array>))
        if (!(await socket.send(chunk))) break;
    }
    socket.end();
  } finally {
    await answer.close?.();
  }
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.byteLength; i += chunkUnits) yield bytes.subarray(i, i + chunkUnits);
}
