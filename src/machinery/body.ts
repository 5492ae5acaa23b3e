// Reading a request's body up to a limit: what is longer is refused as soon as that is known, and never held.

import { ApiError, errors } from './errors.ts';
import type { HttpRequest } from './http.ts';

type Readable = Pick<HttpRequest, 'headers' | 'body' | 'arrayBuffer' | 'received'>;

const tooLarge = (bytesMax: number): ApiError => errors.tooLarge(`Request entity too large: limit is ${bytesMax}`);

/**
 * Throws RequestEntityTooLarge (413), or BadRequest for a body that breaks off or is framed wrongly. `arrives` is told how long it
 * is by now, of one that does not say beforehand, and may throw an ApiError.
 */
export async function readLimited(
  request: Readable,
  bytesMax: number,
  arrives?: (bytes: number) => void,
): Promise<Uint8Array> {
  const announced = request.headers.get('content-length');
  if (Number(announced ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (request.received) return within(await request.received, bytesMax);
  if (!request.body) return new Uint8Array();
  try {
    // HTTP bounds the body by what is announced.
    return announced !== null
      ? new Uint8Array(await request.arrayBuffer())
      : await readStream(request.body.getReader(), bytesMax, arrives);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw errors.badRequest('unexpected EOF');
  }
}

function within(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length > bytesMax) throw tooLarge(bytesMax);
  return bytes;
}

async function readStream(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytesMax: number,
  arrives?: (bytes: number) => void,
): Promise<Uint8Array> {
  // One buffer that grows: however small the pieces are in which it comes, a body takes no more than its size.
  let buffer = new Uint8Array(0);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return buffer.subarray(0, length);
    const end = length + value.byteLength;
    if (end > bytesMax) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge(bytesMax);
    }
    arrives?.(end);
    if (end > buffer.length) {
      const larger = new Uint8Array(Math.min(bytesMax, Math.max(end, 2 * buffer.length)));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(value, length);
    length = end;
  }
}

/** The body as JSON. Throws RequestEntityTooLarge, or BadRequest for what is no JSON. */
export async function readJson(request: Readable, bytesMax: number): Promise<unknown> {
  const bytes = await readLimited(request, bytesMax);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw errors.badRequest('the body is not JSON');
  }
}
