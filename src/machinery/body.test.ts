import { expect, it } from 'vitest';
import { readLimited } from './body.ts';

const request = (pieces: readonly (string | Error)[], headers: Record<string, string> = {}) => {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.at(at++);
      if (piece === undefined) controller.close();
      else if (typeof piece === 'string') controller.enqueue(new TextEncoder().encode(piece));
      else controller.error(piece);
    },
  });
  let at = 0;
  return new Request('https://x/', { method: 'POST', body, duplex: 'half', headers } as RequestInit);
};
const read = async (pieces: readonly (string | Error)[], headers?: Record<string, string>) =>
  new TextDecoder().decode(await readLimited(request(pieces, headers), 10));

it('reads a body whatever its pieces are', async () => {
  expect(await read([])).toBe('');
  expect(await read(['0123456789'])).toBe('0123456789');
  expect(await read([...'0123456789'])).toBe('0123456789');
  expect(await read(['01', '2', '3456', '78'])).toBe('012345678');
  expect(await read(['01'], { 'content-length': '2' })).toBe('01');
});

it('refuses what is too large, before it is here where that is known', async () => {
  await expect(read(['01234', '567890'])).rejects.toMatchObject({ reason: 'RequestEntityTooLarge' });
  await expect(read([], { 'content-length': '11' })).rejects.toMatchObject({ reason: 'RequestEntityTooLarge' });
});

it('takes a body that breaks off for a bad request', async () => {
  const broken = new Error('Network connection lost.');
  await expect(read(['01', broken])).rejects.toMatchObject({ reason: 'BadRequest' });
  await expect(read(['01', broken], { 'content-length': '5' })).rejects.toMatchObject({ reason: 'BadRequest' });
});
