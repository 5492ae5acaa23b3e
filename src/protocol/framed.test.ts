import { expect, test } from 'vitest';
import { FramedStream, type MessageSocket } from './framed.ts';
import { streamChunkBytesMax, streamMessageCost, streamWindowBytes } from './streams.ts';

/** A peer by hand: what it says, what it was sent. */
function peer() {
  const sent: (string | number)[] = [];
  const queue: { data: Uint8Array; text: boolean }[] = [];
  let wake = (): void => {};
  let closed: number | undefined;
  const socket: MessageSocket = {
    async send(data) {
      sent.push(typeof data === 'string' ? data : data.byteLength);
      return closed === undefined;
    },
    async *messages() {
      for (;;) {
        const next = queue.shift();
        if (next) yield next;
        else if (closed !== undefined) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
    close(code = 1000) {
      closed ??= code;
      wake();
    },
  };
  const say = (message: string | Uint8Array): void => {
    const text = typeof message === 'string';
    queue.push({ data: text ? new TextEncoder().encode(message) : message, text });
    wake();
  };
  return { socket, sent, say, closed: () => closed };
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 2));

test('bytes go out in chunks, as far as credit goes, and further with more of it', async () => {
  const { socket, sent, say } = peer();
  const stream = new FramedStream(socket);
  let done = false;
  const work = stream.send(new Uint8Array(2 * streamWindowBytes)).then(() => {
    done = true;
  });
  await settled();
  expect(sent).toEqual(Array(4).fill(streamChunkBytesMax));
  say(JSON.stringify({ credit: 4 * (streamChunkBytesMax + streamMessageCost) }));
  await settled();
  expect(sent).toHaveLength(8);
  expect(done).toBe(false);
  say(JSON.stringify({ credit: 8 * streamMessageCost }));
  await work;
});

test('credit for more than was sent cuts the stream; for just that, it goes on', async () => {
  const { socket, say, closed } = peer();
  const stream = new FramedStream(socket);
  const cost = 10 + streamMessageCost;
  await stream.send(new Uint8Array(10));
  say(JSON.stringify({ credit: cost }));
  await settled();
  expect(await stream.send(new Uint8Array(10))).toBe(true);
  say(JSON.stringify({ credit: cost + 1 }));
  await settled();
  expect(closed()).toBe(1008);
  expect(await stream.send(new Uint8Array(10))).toBe(false);
});

test('what was taken is granted, and what it cost beside its bytes', async () => {
  const { socket, sent, say } = peer();
  const stream = new FramedStream(socket);
  for (let i = 0; i < 3000; i++) say(new Uint8Array([1]));
  for (let i = 0; i < 2000; i++) await stream.next();
  await settled();
  const granted = sent.map((text) => (JSON.parse(text as string) as { credit: number }).credit);
  expect(granted.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(1020 * (1 + streamMessageCost));
});

const head = JSON.stringify({ head: { status: 200, headers: [] } });
const hostile: [string, (say: (message: string | Uint8Array) => void) => void][] = [
  ['more than is credited', (say) => Array.from({ length: 6 }, () => say(new Uint8Array(streamChunkBytesMax)))],
  ['more small messages than are credited', (say) => Array.from({ length: 6000 }, () => say(new Uint8Array(1)))],
  ['no message', (say) => say('hello')],
  ['null', (say) => say('null')],
  ['an unknown message', (say) => say('{"x":1}')],
  ['credit for what was never sent', (say) => say('{"credit":1}')],
  ['credit without end', (say) => say('{"credit":1e308}')],
  ['credit taken away', (say) => say('{"credit":-1}')],
  ['a text without end', (say) => say(JSON.stringify({ cursor: 'x'.repeat(300_000) }))],
  ['two heads', (say) => [say(head), say('{"cursor":"1"}'), say(head)]],
  ['bytes after the end', (say) => [say('{"end":{}}'), say(new Uint8Array(1))]],
  ['a second end', (say) => [say('{"end":{}}'), say('{"end":{}}')]],
];
test.each(hostile)('hung up on: %s', async (_, act) => {
  const { socket, say, closed } = peer();
  const stream = new FramedStream(socket);
  act(say);
  await settled();
  expect(closed()).toBe(1008);
  expect(stream.signal.aborted).toBe(true);
});

test('only an end is an end', async () => {
  const { socket, say } = peer();
  const stream = new FramedStream(socket);
  say(new Uint8Array([7]));
  expect(await stream.next()).toEqual({ bytes: new Uint8Array([7]) });
  const next = stream.next();
  socket.close(1000);
  await expect(next).rejects.toThrow('the stream was cut');
  expect(await stream.send(new Uint8Array(1))).toBe(false);

  const other = peer();
  const complete = new FramedStream(other.socket);
  other.say('{"end":{}}');
  await settled();
  other.socket.close(1000);
  await settled();
  expect(await complete.next()).toEqual({ end: {} });
  expect(await complete.next()).toBeUndefined();
});

test('a flood of cursors holds one', async () => {
  const { socket, say } = peer();
  const stream = new FramedStream(socket);
  for (let i = 0; i < 10_000; i++) say(JSON.stringify({ cursor: String(i) }));
  await settled();
  await settled();
  expect(await stream.next()).toEqual({ cursor: '9999' });
});
