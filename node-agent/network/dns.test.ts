import dgram from 'node:dgram';
import net from 'node:net';
import dns, { type Packet } from 'dns-packet';
import { afterEach, expect, test } from 'vitest';
import { type DnsServer, startDns } from './dns.ts';
import type { Zone } from './records.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const many = Array.from({ length: 100 }, (_, i) => ({
  type: 'A' as const,
  name: 'many.cluster.local',
  ttl: 5,
  data: `10.0.0.${i}`,
}));
const zone: Zone = {
  resolve: (name) =>
    name.endsWith('cluster.local')
      ? { code: name.startsWith('no') ? 'NXDOMAIN' : 'NOERROR', answers: name.startsWith('many') ? many : [] }
      : undefined,
};
const address = '127.0.0.153';
const port = 15353;
let server: DnsServer | undefined;
afterEach(() => server?.stop());
const start = async () => {
  server = await startDns({ address, port, log: quiet, zone, upstream: async () => [] });
};
const query = (name: string) => dns.encode({ type: 'query', id: 7, questions: [{ type: 'A', name }] });

function udp(message: Uint8Array): Promise<Packet> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('message', (answer) => {
      socket.close();
      resolve(dns.decode(answer));
    });
    socket.send(message, port, address);
  });
}
const tcp = (message: Buffer): Promise<Packet> =>
  new Promise((resolve) => {
    const socket = net.connect(port, address);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    let received = Buffer.alloc(0);
    socket.write(Buffer.concat([length, message]));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 + received.readUInt16BE(0)) return;
      socket.end();
      resolve(dns.decode(received.subarray(2)));
    });
  });

test('an unknown name of the zone is NXDOMAIN with its authority', async () => {
  await start();
  const answer = await udp(query('no.cluster.local'));
  expect([answer.id, answer.flags && answer.flags & 15, answer.authorities?.[0]?.type]).toEqual([7, 3, 'SOA']);
});
test('what does not fit a datagram is truncated there and whole over TCP', async () => {
  await start();
  const short = await udp(query('many.cluster.local'));
  expect([(short.flags ?? 0) & dns.TRUNCATED_RESPONSE, short.answers?.length]).toEqual([dns.TRUNCATED_RESPONSE, 0]);
  expect((await tcp(query('many.cluster.local'))).answers).toHaveLength(100);
});
test('without name servers the rest of the world is SERVFAIL, and rubbish is ignored', async () => {
  await start();
  const rubbish = dgram.createSocket('udp4');
  rubbish.send(Buffer.from('not dns'), port, address, () => rubbish.close());
  expect((await udp(query('example.org'))).flags! & 15).toBe(2);
});
