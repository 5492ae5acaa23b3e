import { expect, test } from 'vitest';
import { errors } from '../../src/machinery/errors.ts';
import type { LogOffer } from '../../src/protocol/streams.ts';
import { offerSocket, refusalOf } from '../testing/streams.ts';
import { asMessages } from './messages.ts';
import type { ServeBody } from './types.ts';

const log: LogOffer = {
  ...{ id: 's', kind: 'log', namespace: 'a', pod: 'p', podUid: 'u', container: 'c', options: {} },
  protocol: '',
};
const texts: ServeBody<LogOffer> = async ({ accept }) => {
  const socket = await accept({ status: 200, headers: [] });
  await socket.send(Buffer.from('xabcx').subarray(1, 4));
  socket.cursor('1');
  await socket.send(Buffer.from([0xff]));
};

test.each([
  [
    '',
    [
      [false, ''],
      [false, 'YWJj'],
      [false, '/w=='],
    ],
  ],
  [
    'binary.k8s.io',
    [
      [false, ''],
      [false, 'YWJj'],
      [false, '/w=='],
    ],
  ],
  [
    'base64.binary.k8s.io',
    [
      [true, ''],
      [true, 'YWJj'],
      [true, '/w=='],
    ],
  ],
])('protocol "%s": an empty message, then what there is, then the end', async (protocol, expected) => {
  const { client, done } = await offerSocket(asMessages(texts), { ...log, protocol });
  const got: [boolean, string][] = [];
  for await (const { data, text } of client.messages())
    got.push([text, text ? String(data) : Buffer.from(data).toString('base64')]);
  expect(got).toEqual(expected);
  await done;
  expect(client.closedWith).toEqual({ code: 1000, reason: '' });
});

test('what fails is no complete log; what is refused is an HTTP answer', async () => {
  const half: ServeBody<LogOffer> = async ({ accept }) => {
    await accept({ status: 200, headers: [] });
    throw errors.gone('the file is gone');
  };
  const { client, done } = await offerSocket(asMessages(half), log);
  await done.catch(() => {});
  for await (const { data } of client.messages()) expect(data).toHaveLength(0);
  expect(client.closedWith).toEqual({ code: 1011, reason: 'the file is gone' });
  const none: ServeBody<LogOffer> = async () => {
    throw errors.badRequest('no such container');
  };
  expect(await refusalOf(asMessages(none), log)).toMatchObject({ code: 400 });
});

test('a client that talks is not listened to, one that closes ends a log that is followed; one that does not read holds it back', async () => {
  let sent = 0;
  const endless: ServeBody<LogOffer> = async ({ accept }) => {
    const socket = await accept({ status: 200, headers: [] });
    while (await socket.send(Buffer.alloc(10_000))) sent += 10_000;
  };
  const { client, done } = await offerSocket(asMessages(endless), log);
  for (let i = 0; i < 100; i++) await client.send(Buffer.alloc(100_000));
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(sent).toBeLessThan(1_000_000);
  client.close(1000);
  await done;
});
