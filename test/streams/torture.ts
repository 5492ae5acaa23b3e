// One torture of streams, from a seed: clients of commands and logs come, read, stop, go on and leave as the seed says, while any
// hop is cut at any time: the client's connection, the agent's, the answer that tells the agent of a client, the meeting place of the two (with the node's credential), the
// agent, the command, or all of the control plane. What has to hold whatever was cut: what arrived is a prefix of what was sent,
// all of it where it is said to be complete; a log is complete unless its client was cut off; both sides end; nothing stays open.
//
// Chance is seeded, time is real: the same seed does the same things to streams that may have come less or more far.
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { SeededRandom } from '../harness/time.ts';
import { channelsClient } from './channels-client.ts';
import { bodyClient, type Client, execClient, messagesClient, Pattern, type Seen } from './clients.ts';
import { Hop } from './proxy.ts';
import { nodeName, type Rig } from './rig.ts';

export interface Plan {
  seed: number;
  /** Streams in all, and of them at once. */
  streams: number;
  atOnce: number;
  /** Ends and begins again what all streams share. */
  disasters: boolean;
  /** Cuts clients about when they come, too: in a moment in which the runtime may not notice. */
  abrupt: boolean;
}

export interface Result {
  problems: string[];
  counts: Record<string, number>;
}

const pod = 'tortured';
const pods = '/api/v1/namespaces/default/pods';
const endsWithinMs = 60_000;
const mebibyte = 1024 * 1024;
/** Above what they had when all was quiet; 16 streams hold far less at once. */
const workerdGrowthMiBMax = 400;
const ownGrowthMiBMax = 250;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what: string, look: () => boolean | Promise<boolean>, withinMs = endsWithinMs): Promise<void> {
  for (const end = Date.now() + withinMs; !(await look()); await sleep(20))
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
}

/** A pod with a log of so many lines that grows while the torture goes on. */
export interface Subject {
  log: Buffer;
  file: string;
}

export async function prepare(rig: Rig): Promise<Subject> {
  await until('the node', async () => (await rig.api.request('GET', `/api/v1/nodes/${nodeName}`)).status === 200);
  const container = { name: 'c', image: 'tiffin.dev/busybox:1', stdin: true };
  await until('the pod', async () => {
    const body = { metadata: { name: pod }, spec: { nodeName, containers: [container] } };
    return [201, 409].includes((await rig.api.request('POST', pods, body)).status);
  });
  type Read = { metadata: { uid: string }; status: { phase?: string } };
  const read = (): Promise<Read> => rig.api.json<Read>('GET', `${pods}/${pod}`);
  await until('the pod runs', async () => (await read()).status.phase === 'Running');
  const { uid } = (await read()).metadata;
  const file = path.join(rig.logs, `default_${pod}_${uid}`, 'c', '0.log');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const subject = { log: Buffer.alloc(0), file };
  append(subject, 20_000);
  return subject;
}

function append(subject: Subject, count: number): void {
  const before = lineCount(subject);
  const texts = Array.from({ length: count }, (_, i) => `line ${before + i} ${'x'.repeat((before + i) % 200)}\n`);
  fs.appendFileSync(subject.file, texts.map((text) => `2026-01-01T00:00:00.000000000Z stdout F ${text}`).join(''));
  subject.log = Buffer.concat([subject.log, Buffer.from(texts.join(''))]);
  lines.set(subject, before + count);
}
const lines = new WeakMap<Subject, number>();
const lineCount = (subject: Subject): number => lines.get(subject) ?? 0;

const kinds = [
  'echo',
  'echo',
  'zeros',
  'endless',
  'idle',
  'log',
  'log',
  'follow',
  'messages',
  'follow messages',
  'attach',
  'channels',
  'kubelet',
  'absent',
] as const;
/** What is sent comes back. */
const echoing: ReadonlySet<string> = new Set(['echo', 'attach', 'channels']);
/** Of every simulated pod. */
const echoPort = 7;
const cuts = ['none', 'none', 'close', 'terminate', 'client hop', 'agent hop', 'agent hop', 'kill', 'offer'] as const;
type Cut = (typeof cuts)[number] | 'at once';

export async function torture(rig: Rig, subject: Subject, plan: Plan): Promise<Result> {
  const random = new SeededRandom(plan.seed);
  const problems: string[] = [];
  const counts: Record<string, number> = {};
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const pattern = new Pattern(random.fork());
  const zeros = Buffer.alloc(65_536);
  const yes = Buffer.alloc(65_538, 'y\n');
  const ca = tls.createSecureContext({ ca: rig.ca });
  const { token } = rig.api.target;
  let quietMiB = rig.workerdMiB();
  const ownQuiet = process.memoryUsage().rss / mebibyte;
  /** What was done to all: logs cannot be held to completeness then. */
  let disasters = 0;

  async function one(dice: SeededRandom, number: number): Promise<void> {
    const kind = dice.pick(kinds)!;
    const cut: Cut = plan.abrupt && dice.chance(0.1) ? 'at once' : dice.pick(cuts)!;
    const bytes = dice.chance(0.2) ? dice.int(3) : dice.int(dice.chance(0.2) ? 24 * mebibyte : 300_000);
    const code = dice.int(4);
    const hop = await Hop.open(rig.port);
    const to = { port: hop.port, ca, token };
    const exec = (stdin: boolean, ...command: string[]): string => {
      const query = new URLSearchParams([
        ...command.map((word) => ['command', word]),
        ...[
          ['container', kind === 'absent' ? 'nobody' : 'c'],
          ['stdout', 'true'],
          ...(stdin ? [['stdin', 'true']] : []),
        ],
      ] as [string, string][]);
      return `${pods}/${pod}/exec?${query}`;
    };
    const chunks = dice.fork();
    const disastersBefore = disasters;
    const whole = subject.log.length;
    const ofLog = (place: number, length: number): Buffer => subject.log.subarray(place, place + length);
    const patterned = (place: number, length: number): Buffer => pattern.at(place, length);
    const input = { bytes, chunk: () => 1 + chunks.int(chunks.chance(0.1) ? 60_000 : 5000) };
    const begin = (): Client => {
      switch (kind) {
        case 'echo':
          return execClient({ ...to, path: exec(true, 'cat') }, patterned, input);
        case 'attach':
          return execClient(
            { ...to, path: `${pods}/${pod}/attach?container=c&stdin=true&stdout=true` },
            patterned,
            input,
          );
        case 'channels':
          return channelsClient({ ...to, path: `${pods}/${pod}/portforward?ports=${echoPort}` }, patterned, {
            ...input,
            port: echoPort,
          });
        case 'kubelet': {
          const path = `/api/v1/nodes/${nodeName}/proxy/containerLogs/default/${pod}/c`;
          return bodyClient({ ...to, path }, ofLog);
        }
        case 'zeros': {
          const path = exec(false, 'sh', '-c', `head -c ${bytes} /dev/zero ; exit ${code}`);
          return execClient({ ...to, path }, (_, length) => zeros.subarray(0, length), undefined);
        }
        case 'endless':
          return execClient(
            { ...to, path: exec(false, 'yes') },
            (at, n) => yes.subarray(at % 2, (at % 2) + n),
            undefined,
          );
        case 'idle':
        case 'absent':
          return execClient({ ...to, path: exec(true, 'sleep', '1000') }, () => zeros.subarray(0, 0), {
            bytes: 3,
            chunk: () => 1,
          });
        case 'log':
          return bodyClient({ ...to, path: `${pods}/${pod}/log` }, ofLog);
        case 'follow':
          return bodyClient({ ...to, path: `${pods}/${pod}/log?follow=true` }, ofLog, () => whole + 1000);
        case 'messages':
          return messagesClient({ ...to, path: `${pods}/${pod}/log` }, ofLog, dice.chance(0.5));
        case 'follow messages': {
          const path = `${pods}/${pod}/log?follow=true`;
          return messagesClient({ ...to, path }, ofLog, dice.chance(0.5), () => whole + 1000);
        }
      }
    };
    if (cut === 'offer') rig.losing = true;
    const client = begin();
    const say = (why: string): void => {
      problems.push(`stream ${number} (${kind}, cut: ${cut}, ${bytes} bytes): ${why}: ${JSON.stringify(client.seen)}`);
    };
    for (let stops = dice.int(4), at = 0; stops > 0; stops--) {
      at += dice.int(300);
      const ms = dice.int(400);
      setTimeout(() => client.stop(ms), at);
    }
    const work = async (): Promise<void> => {
      if (cut === 'at once') {
        // About when the request arrives, or is joined with the agent's half.
        await sleep(dice.int(60));
        return hop.cut();
      }
      await sleep(dice.int(dice.chance(0.3) ? 1500 : 200));
      if (cut === 'close' || cut === 'terminate') client.leave(cut);
      else if (cut === 'client hop') hop.cut();
      else if (cut === 'agent hop') rig.agentHop.cut(dice.int(1000));
      else if (cut === 'kill') await [...rig.begun][dice.int(1000) % (rig.begun.size || 1)]?.executed.kill();
      // What would never end by itself.
      const endless = kind === 'endless' || kind === 'idle';
      if (endless) await Promise.race([client.done, sleep(dice.int(1500))]);
      if (endless) client.leave(dice.chance(0.5) ? 'close' : 'terminate');
    };
    const cutting = work();
    const seen = await Promise.race([client.done, sleep(endsWithinMs).then(() => undefined)]);
    await cutting;
    count(kind);
    if (!seen) {
      say(`it did not end within ${endsWithinMs} ms`);
      client.leave('terminate');
    } else judge(seen);
    await until('the hop is empty', () => hop.count === 0).catch(() => say('its connection stays open'));
    hop.close();

    function judge(result: Seen): void {
      if (result.problem) {
        say(result.problem);
        return;
      }
      const left = cut === 'at once' || cut === 'close' || cut === 'terminate' || cut === 'client hop';
      const complete = result.status !== undefined;
      // Odd: one is under way.
      const calm = disasters === disastersBefore && disasters % 2 === 0;
      if (result.refused !== undefined) {
        count(`refused ${result.refused}`);
        const expected = kind === 'absent' ? [400] : calm ? [503, 504] : [401, 410, 500, 502, 503, 504];
        if (!expected.includes(result.refused) && !(kind === 'absent' && !calm)) say('refused');
        return;
      }
      if (kind === 'absent' && cut === 'none' && calm) say('there is no such container, and nobody said so');
      if (kind === 'messages' || kind === 'follow messages') {
        // Nobody but the client can begin it anew.
        if (result.closed !== 1000 || left) return;
        count('complete logs as messages');
        if (result.got < whole) say(`complete with ${result.got} of ${whole}`);
        return;
      }
      if (kind === 'kubelet') {
        if (result.closed !== 1000) return;
        count('complete responses');
        if (result.got < whole) say(`complete with ${result.got} of ${whole}`);
        return;
      }
      if (kind === 'log' || kind === 'follow') {
        if (result.closed === 1000) {
          count('complete logs');
          if (result.got < whole) say(`complete with ${result.got} of ${whole}`);
        } else if (!left && calm) say('the log broke off');
        return;
      }
      if (complete) count(echoing.has(kind) && kind !== 'echo' ? `${kind} that ended` : 'commands that ended');
      const exit = result.status?.details?.causes?.[0]?.message;
      const killed = exit === '137';
      if (echoing.has(kind) && result.got > result.sent) say('more came than was sent');
      if (kind === 'zeros' && result.got > bytes) say('more came than was written');
      if (complete && !killed && (echoing.has(kind) || kind === 'zeros')) {
        if (result.got !== bytes) say('it ended well, and not all is there');
        if (kind === 'zeros' && Number(exit ?? 0) !== code) say(`it ended with ${exit ?? 0}, not ${code}`);
      }
    }
  }

  let next = 0;
  let stopped = false;
  const worker = async (): Promise<void> => {
    while (next < plan.streams) {
      const number = next++;
      await one(new SeededRandom(plan.seed * 7919 + number), number);
    }
  };
  let over = false;
  const growth = (async () => {
    while (!over) {
      append(subject, 50);
      await sleep(100);
    }
  })();
  let mostMiB = 0;
  let ownMost = 0;
  const memory = setInterval(() => {
    try {
      mostMiB = Math.max(mostMiB, rig.workerdMiB());
      ownMost = Math.max(ownMost, process.memoryUsage().rss / mebibyte);
    } catch {
      // It is being restarted.
    }
  }, 100);
  const disaster = (async () => {
    const dice = random.fork();
    while (plan.disasters && !stopped) {
      await sleep(1500 + dice.int(3000));
      if (stopped) return;
      const what = dice.pick(['agent', 'credential', 'workerd'] as const)!;
      disasters++;
      count(`disaster: ${what}`);
      if (what === 'agent') {
        await rig.stopAgent();
        await sleep(dice.int(300));
        await rig.startAgent();
      } else if (what === 'credential') {
        await rig.api.request('DELETE', `/tiffin.dev/v1/credentials/${nodeName}`).catch(() => undefined);
      } else {
        await rig.killWorkerd();
        await rig.startWorkerd();
        quietMiB = Math.max(quietMiB, rig.workerdMiB());
      }
      disasters++;
    }
  })();
  await Promise.all(Array.from({ length: plan.atOnce }, worker));
  stopped = true;
  await disaster;
  clearInterval(memory);

  // The log goes on growing: that a client has left whose log is silent is known only once its connection is forgotten.
  const open = (): string => `${rig.halves.size} halves, ${rig.begun.size} processes`;
  await until('all is over', () => rig.halves.size === 0 && rig.begun.size === 0).catch(() =>
    problems.push(`open at the end: ${open()}`),
  );
  over = true;
  await growth;
  counts['workerd MiB'] = Math.round(mostMiB);
  counts['own MiB'] = Math.round(ownMost);
  if (mostMiB - quietMiB > workerdGrowthMiBMax) problems.push(`workerd grew from ${quietMiB} to ${mostMiB} MiB`);
  if (ownMost - ownQuiet > ownGrowthMiBMax) problems.push(`agent and clients grew from ${ownQuiet} to ${ownMost} MiB`);
  return { problems, counts };
}
