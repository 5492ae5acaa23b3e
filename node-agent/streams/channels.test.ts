import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChannelError, channelCodec } from './channels.ts';

const message = (data: Uint8Array | string) => ({ data: Buffer.from(data as string), text: typeof data === 'string' });
const protocols = [
  '',
  'channel.k8s.io',
  'v4.channel.k8s.io',
  'v5.channel.k8s.io',
  'base64.channel.k8s.io',
  'v4.base64.channel.k8s.io',
];

test.each(protocols)('%s: what is encoded is decoded', (name) => {
  const codec = channelCodec(name);
  fc.assert(
    fc.property(fc.nat(9), fc.uint8Array({ maxLength: 300 }), (channel, data) => {
      const encoded = codec.encode(channel, data);
      expect(typeof encoded).toBe(name.includes('base64') ? 'string' : 'object');
      const decoded = codec.decode(message(encoded));
      expect(decoded).toMatchObject({ channel });
      expect(Buffer.from((decoded as { data: Uint8Array }).data)).toEqual(Buffer.from(data));
    }),
  );
});

test('on the wire', () => {
  const view = new Uint8Array(new ArrayBuffer(8), 2, 3).fill(7);
  expect(channelCodec('v5.channel.k8s.io').encode(1, view)).toEqual(Buffer.from([1, 7, 7, 7]));
  expect(channelCodec('base64.channel.k8s.io').encode(1, Buffer.from('foo\n'))).toBe('1Zm9vCg==');
  expect(channelCodec('base64.channel.k8s.io').encode(3, new Uint8Array())).toBe('3');
  // A browser may well send text where bytes are meant.
  expect(channelCodec('').decode({ data: Buffer.from('\0ls\n'), text: true })).toEqual({
    channel: 0,
    data: Buffer.from('ls\n'),
  });
});

test.each(protocols)('%s: what is no message of it is passed over', (name) => {
  const codec = channelCodec(name);
  expect(codec.decode(message(''))).toBeUndefined();
  if (!name.includes('base64')) return;
  for (const bad of ['0Zm9', '0Zm9v=Zm9', '0Zm-v', '0Zm9vZ===', '0ä==='])
    expect(codec.decode(message(bad))).toBeUndefined();
  expect(codec.decode(message(Buffer.from([0xff])))).toMatchObject({ channel: expect.any(Number) });
});

test('only v5 closes channels, one at a time', () => {
  const v5 = channelCodec('v5.channel.k8s.io');
  expect(v5.decode(message(Buffer.from([255, 0])))).toEqual({ channel: 0, closed: true });
  for (const bad of [[255], [255, 0, 0]]) expect(() => v5.decode(message(Buffer.from(bad)))).toThrow(ChannelError);
  expect(channelCodec('v4.channel.k8s.io').decode(message(Buffer.from([255, 0])))).toEqual({
    channel: 255,
    data: Buffer.from([0]),
  });
});
