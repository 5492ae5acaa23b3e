// The node's DNS server, on UDP and TCP: answers the cluster's zone from the newest view and hands every other question,
// byte for byte, to the name servers of the node. It keeps answering from its last view while the control plane is away.
import dgram from 'node:dgram';
import fs from 'node:fs/promises';
import net from 'node:net';
import dns, { type Answer, type Packet } from 'dns-packet';
import type { Log } from '../../src/ports/index.ts';
import type { Zone } from './records.ts';

/** Largest UDP answer without EDNS, and the most we send with it (fits every Ethernet). */
const plainUdpBytes = 512;
const ednsUdpBytesMax = 1232;
const upstreamTimeoutMs = 2_000;
const tcpIdleMs = 10_000;

export interface DnsServer {
  setZone(zone: Zone): void;
  stop(): Promise<void>;
}

export interface DnsOptions {
  address: string;
  port?: number;
  log: Log;
  zone: Zone;
  /** Name servers for everything else; default: those of /etc/resolv.conf. Read per question, so that changes are seen. */
  upstream?: () => Promise<string[]>;
}

async function resolvConf(): Promise<string[]> {
  const text = await fs.readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap((m) => (m[1] ? [m[1]] : []));
}

const authority = (zoneName: string): Answer => ({
  type: 'SOA',
  name: zoneName,
  ttl: 5,
  data: {
    mname: `ns.dns.${zoneName}`,
    rname: `hostmaster.${zoneName}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86400,
    minimum: 5,
  },
});

// The response code sits in the low four bits of the flags.
const flags = (code: number): number =>
  dns.AUTHORITATIVE_ANSWER | dns.RECURSION_AVAILABLE | dns.RECURSION_DESIRED | code;
const codes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;

function shuffle<T>(list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

function reply(query: Packet, code: number, answers: Answer[], soa?: string): Buffer {
  return dns.encode({
    type: 'response',
    id: query.id ?? 0,
    flags: flags(code),
    questions: query.questions ?? [],
    answers,
    ...(soa && answers.length === 0 ? { authorities: [authority(soa)] } : {}),
  });
}

/** Asks one server over UDP; resolves undefined when it does not answer in time. */
function askUdp(server: string, message: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4');
    const done = (answer?: Buffer): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done(), upstreamTimeoutMs);
    socket.once('message', (answer) => done(answer));
    socket.once('error', () => done());
    socket.send(message, 53, server, (error) => {
      if (error) done();
    });
  });
}

function askTcp(server: string, message: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(53, server);
    let received = Buffer.alloc(0);
    const done = (answer?: Buffer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(upstreamTimeoutMs, () => done());
    socket.on('error', () => done());
    socket.on('connect', () => socket.write(framed(message)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0))
        done(received.subarray(2, 2 + received.readUInt16BE(0)));
    });
  });
}

const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
};

export async function startDns(o: DnsOptions): Promise<DnsServer> {
  let zone = o.zone;
  const port = o.port ?? 53;
  const upstream = o.upstream ?? (async () => (await resolvConf()).filter((s) => s !== o.address));

  async function forward(
    message: Buffer,
    ask: (server: string, message: Buffer) => Promise<Buffer | undefined>,
  ): Promise<Buffer | undefined> {
    for (const server of await upstream()) {
      const answer = await ask(server, message);
      if (answer) return answer;
    }
    return undefined;
  }

  async function answer(message: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    let query: Packet;
    try {
      query = dns.decode(message);
    } catch {
      return undefined;
    }
    const question = query.questions?.[0];
    if (query.type !== 'query' || !question) return undefined;
    const ask = tcp ? askTcp : askUdp;
    const local = zone.resolve(question.name, question.type);
    if (!local) return (await forward(message, ask)) ?? reply(query, codes.SERVFAIL, []);
    let answers = shuffle(local.answers.filter((r) => r.type === 'A')) as Answer[];
    answers = [...local.answers.filter((r) => r.type !== 'A'), ...answers];
    if (local.follow) {
      const further = await forward(
        dns.encode({
          type: 'query',
          id: query.id ?? 0,
          flags: dns.RECURSION_DESIRED,
          questions: [{ type: question.type, name: local.follow }],
        }),
        ask,
      );
      if (!further) return reply(query, codes.SERVFAIL, []);
      answers = [...answers, ...(dns.decode(further).answers ?? [])];
    }
    return reply(query, codes[local.code], answers, question.name);
  }

  const udp = dgram.createSocket('udp4');
  udp.on('message', (message, from) => {
    void answer(message, false)
      .then((bytes) => {
        if (!bytes) return;
        udp.send(truncated(bytes, message), from.port, from.address, () => {});
      })
      .catch((error: unknown) => o.log.warn('a DNS question failed', { error: String(error) }));
  });

  const tcp = net.createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(tcpIdleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + message.length);
        void answer(message, true)
          .then((bytes) => (bytes ? socket.write(framed(bytes)) : socket.destroy()))
          .catch((error: unknown) => o.log.warn('a DNS question failed', { error: String(error) }));
      }
    });
  });

  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(port, o.address, resolve);
  });
  udp.removeAllListeners('error');
  udp.on('error', (error) => o.log.warn('DNS socket', { error: String(error) }));
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject);
    tcp.listen(port, o.address, resolve);
  });

  return {
    setZone: (next) => {
      zone = next;
    },
    stop: async () => {
      udp.close();
      await new Promise<void>((resolve) => tcp.close(() => resolve()));
    },
  };
}

/** Cuts an answer that a UDP client cannot take down to a truncated, empty one: it then asks over TCP. */
function truncated(answer: Buffer, query: Buffer): Buffer {
  const offered = (dns.decode(query).additionals ?? []).find((r) => r.type === 'OPT') as
    | { udpPayloadSize?: number }
    | undefined;
  const limit = Math.min(Math.max(offered?.udpPayloadSize ?? plainUdpBytes, plainUdpBytes), ednsUdpBytesMax);
  if (answer.length <= limit) return answer;
  const packet = dns.decode(answer);
  return dns.encode({ ...packet, flags: (packet.flags ?? 0) | dns.TRUNCATED_RESPONSE, answers: [], authorities: [] });
}
