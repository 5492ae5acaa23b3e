// Reading a request's body up to a limit: what is longer is refused as soon as that is known, and never held.

import { type ApiError, errors } from './errors.ts';
import type { HttpRequest } from './http.ts';

const tooLarge = (bytesMax: number): ApiError => errors.tooLarge(`Request entity too large: limit is ${bytesMax}`);

/** Throws RequestEntityTooLarge (413). */
export async function readLimited(
  request: Pick<HttpRequest, 'headers' | 'body' | 'arrayBuffer'>,
  bytesMax: number,
): Promise<Uint8Array> {
  const announced = request.headers.get('content-length');
  if (Number(announced ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (!request.body) return new Uint8Array();
  // HTTP bounds the body by what is announced.
  if (announced !== null) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > bytesMax) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge(bytesMax);
    }
    chunks.push(value);
  }
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/** The body as JSON. Throws RequestEntityTooLarge, or BadRequest for what is no JSON. */
export async function readJson(
  request: Pick<HttpRequest, 'headers' | 'body' | 'arrayBuffer'>,
  bytesMax: number,
): Promise<unknown> {
  const bytes = await readLimited(request, bytesMax);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw errors.badRequest('the body is not JSON');
  }
}
