// Named pipes of this kernel: what is read of them comes whole and in order, read as of a stream or lent.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { openReader, openWriter } from './fifo-ends.ts';
import { FifoStock, type Fifos } from './fifos.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-fifos-'));
const stock = new FifoStock(directory);
let serial = 0;
const sha = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const sent = randomBytes(3_000_001);

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

async function write(fifos: Fifos): Promise<void> {
  const writer = (await openWriter(fifos.stdout))!;
  // Who is not read writes in vain.
  await new Promise<void>((resolve) =>
    writer
      .on('error', () => {})
      .once('close', resolve)
      .end(sent),
  );
}

test('lent pieces are one after the other, each behind a free byte, and the writer waits for who takes them', async () => {
  const fifos = await stock.take(`p${++serial}`);
  const reader = await openReader(fifos.stdout);
  const written = write(fifos);
  // Some of it comes before anybody asks for it.
  await delay(20);
  const hash = createHash('sha256');
  let taking = 0;
  let length = 0;
  const memory = new Set<ArrayBufferLike>();
  await reader.lend!(async (piece) => {
    expect(++taking).toBe(1);
    memory.add(piece.buffer);
    piece[0] = 255;
    if (length === 0) await delay(50);
    else await null;
    hash.update(piece.subarray(1));
    length += piece.length - 1;
    taking--;
    return true;
  });
  await written;
  expect(length).toBe(sent.length);
  expect(hash.digest('hex')).toBe(sha(sent));
  expect(memory.size).toBeLessThan(8);
});

test('who has enough, or fails, is given no more', async () => {
  const take = [async () => false, () => Promise.reject(new Error('no'))];
  for (const [i, taker] of take.entries()) {
    const fifos = await stock.take(`p${++serial}`);
    const reader = await openReader(fifos.stdout);
    void write(fifos);
    let calls = 0;
    const lent = reader.lend!((_piece) => {
      calls++;
      return taker();
    });
    if (i === 0) await lent;
    else await expect(lent).rejects.toThrow('no');
    await delay(20);
    expect(calls).toBe(1);
    reader.destroy();
  }
});

test('read as streams are, every piece has memory of its own', async () => {
  const fifos = await stock.take(`p${++serial}`);
  const reader = await openReader(fifos.stdout);
  const written = write(fifos);
  const pieces: Buffer[] = [];
  for await (const piece of reader) pieces.push(piece as Buffer);
  await written;
  expect(sha(Buffer.concat(pieces))).toBe(sha(sent));
});

test('an output that is closed lends nothing', async () => {
  const fifos = await stock.take(`p${++serial}`);
  const reader = await openReader(fifos.stdout);
  await new Promise((resolve) => reader.once('close', resolve).destroy());
  await reader.lend!(async () => expect.unreachable());
});
