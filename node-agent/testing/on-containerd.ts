// The whole agent on real containers, against a stand-in for the control plane: what its tests are written with. One file of
// tests has one bench.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { Event, Pod, PodSpec, PodStatus } from '../../src/generated/schemas/core-v1.ts';
import { FramedStream } from '../../src/protocol/framed.ts';
import type { HttpOffer, StreamOffer } from '../../src/protocol/streams.ts';
import { Agent } from '../agent.ts';
import { ContainerdRuntime } from '../cri/containerd.ts';
import { noNetwork } from '../network-none.ts';
import { thisMachine } from '../node-status.ts';
import { gateOf, systemRandom, systemTimers } from '../platform.ts';
import { NodeProber } from '../probes/probe.ts';
import { KernelCgroups } from '../resources/cgroups.ts';
import { KernelCounters } from '../usage/kernel.ts';
import { DiskVolumes } from '../volumes/manager.ts';
import { FakeControlPlane } from './control-plane.ts';
import { type Host, missing, startHost, testImage } from './host.ts';
import { memoryDialer } from './streams.ts';

const why = missing();
if (why) process.stderr.write(`skipped: the agent on real containers: ${why}\n`);

export let host: Host;
export let plane: FakeControlPlane;
export let agent: Agent;
interface Received {
  id: string;
  head?: { status: number; headers: [string, string][] };
  data: Buffer;
  status?: unknown;
  ended: boolean;
}
let received: Received[] = [];
const log = { debug: () => {}, info: () => {}, warn: note('warn'), error: note('error') };

function note(level: string) {
  return (message: string, fields?: Record<string, unknown>): void => {
    if (process.env.AGENT_LOG) process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`);
  };
}

export function buildAgent(): Agent {
  const runtime = new ContainerdRuntime(host.socket);
  const stateDir = path.join(host.directory, 'agent');
  const cgroups = new KernelCgroups(`${path.basename(host.directory)}-kubepods`);
  return new Agent({
    config: {
      nodeName: 'n1',
      url: 'https://control.invalid',
      stateDir,
      runDir: stateDir,
      bootstrapToken: 't',
      address: '127.0.0.1',
      networkId: 'test',
      capacity: { cpu: '4', memory: '4Gi' },
    },
    nodeName: 'n1',
    stateDir,
    runtime,
    volumes: new DiskVolumes(path.join(stateDir, 'pods'), () => Date.now()),
    cgroups,
    counters: new KernelCounters({ clock: systemTimers, parent: (pod) => cgroups.parent(pod) }),
    prober: new NodeProber(runtime),
    network: () => noNetwork,
    machine: async () => thisMachine({ bytes: 1e11, freeBytes: 5e10 }),
    hostDns: { servers: [], searches: [], options: [] },
    fetch: plane.fetch,
    dial: () =>
      memoryDialer(async ({ id, client, refused }) => {
        const entry: Received = { id, data: Buffer.alloc(0), status: refused, ended: !client };
        received.push(entry);
        if (!client) return;
        const stream = new FramedStream(client);
        for (let next = await stream.next(); next; next = await stream.next()) {
          if ('head' in next) entry.head = next.head;
          if ('bytes' in next) entry.data = Buffer.concat([entry.data, next.bytes]);
          if ('status' in next) entry.status = next.status;
        }
        entry.ended = true;
      }),
    timers: systemTimers,
    random: systemRandom,
    log,
    gate: gateOf(10),
  });
}

let serial = 0;
export function pod(name: string, spec: Partial<PodSpec>, more: Partial<Pod['metadata']> = {}): Pod {
  const uid = `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid,
      resourceVersion: '1',
      creationTimestamp: new Date().toISOString(),
      generation: 1,
      ...more,
    },
    spec: { nodeName: 'n1', restartPolicy: 'Always', terminationGracePeriodSeconds: 5, containers: [], ...spec },
    status: {},
  };
}

export const sh = (name: string, script: string, more: object = {}): PodSpec['containers'][number] => ({
  name,
  image: testImage,
  imagePullPolicy: 'IfNotPresent',
  command: ['/bin/sh', '-c', script],
  ...more,
});
export const forever = 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done';
export const statusOf = (name: string): PodStatus => plane.get<Pod>('pods', 'default', name)?.status ?? {};

export async function until<T>(
  what: string,
  probe: () => T | undefined | false | null,
  timeoutMs = 20_000,
): Promise<T> {
  const start = Date.now();
  for (;;) {
    const value = probe();
    if (value) return value;
    if (Date.now() - start > timeoutMs) throw new Error(`timed out: ${what}`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

export const running = (name: string): Promise<PodStatus> =>
  until(
    `${name} running: ${JSON.stringify(statusOf(name))}`,
    () =>
      statusOf(name).phase === 'Running' && statusOf(name).containerStatuses?.every((c) => c.ready) && statusOf(name),
  );

export const gone = async (name: string, graceSeconds = 5): Promise<void> => {
  plane.deletePod('default', name, graceSeconds);
  await until(`${name} gone`, () => !plane.get('pods', 'default', name));
};

type Offer = StreamOffer extends infer O ? (O extends StreamOffer ? Omit<O, 'id'> : never) : never;

/** What a stream was answered with, once it is over. */
async function answerTo(offer: Offer): Promise<Received> {
  const id = `s${++serial}`;
  plane.streams.push({ id, ...offer } as StreamOffer);
  plane.wake();
  return until(`the ${offer.kind} stream`, () => received.find((r) => r.id === id && r.ended));
}

export const get = (target: HttpOffer['target'], at: string): Promise<Received> =>
  answerTo({
    kind: 'http',
    target,
    scheme: 'http',
    method: 'GET',
    path: at,
    headers: [],
    body: false,
    prefix: '/proxy',
  });

export const logsOf = async (
  podName: string,
  container: string,
  options: Record<string, string> = {},
): Promise<string> => {
  const podUid = plane.get<Pod>('pods', 'default', podName)!.metadata.uid;
  const entry = await answerTo({ kind: 'log', namespace: 'default', pod: podName, podUid, container, options });
  return entry.data.toString();
};

export const reasons = (name: string): string[] =>
  (plane.events as unknown as Event[]).filter((e) => e.involvedObject.name === name).map((e) => e.reason ?? '');

/** Ends the agent and starts another one in its place. */
export async function restartAgent(): Promise<void> {
  await agent.stop();
  agent = buildAgent();
  await agent.start();
}

export const killTask = (containerId: string): void =>
  void execFileSync('ctr', [
    '-a',
    host.socket,
    '-n',
    'k8s.io',
    'tasks',
    'kill',
    '-s',
    'SIGKILL',
    containerId.split('//')[1]!,
  ]);

export function onContainerd(name: string, body: () => void): void {
  describe.skipIf(why !== undefined)(name, () => {
    beforeAll(async () => {
      host = await startHost();
      plane = new FakeControlPlane();
      received = [];
      agent = buildAgent();
      await agent.start();
    });
    afterAll(async () => {
      await agent?.stop();
      await host?.stop();
    });
    body();
  });
}
