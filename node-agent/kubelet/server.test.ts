import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { errors } from '../../src/machinery/errors.ts';
import type { HttpOffer, LogOffer } from '../../src/protocol/streams.ts';
import { newState, type PodState } from '../pods/context.ts';
import type { PodWorker } from '../pods/worker.ts';
import type { ProbeCount } from '../probes/worker.ts';
import type { ContainerCounters, ContainerRecord } from '../runtime.ts';
import { type Answer, ask, offerOf } from '../streams/proxy/testing.ts';
import { parsePrometheus } from '../testing/prometheus-parser.ts';
import { type KubeletParts, kubeletServer } from './server.ts';

let directory: string;
beforeAll(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'kubelet-'));
});
afterAll(() => fs.rm(directory, { recursive: true }));

const awkward = 'we"ird\\\n';

function workerOf(name: string, containers: Partial<ContainerRecord>[]): PodWorker {
  const uid = `uid-${name}`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', uid },
    spec: {
      containers: containers.map((c) => ({ name: c.name, image: c.image })),
      volumes: [{ name: 'v', emptyDir: {} }],
    },
    status: { phase: 'Pending' },
  } as unknown as Pod;
  const state: PodState = newState(pod);
  state.status = { phase: 'Running' };
  state.sandboxes = [
    {
      id: `s-${name}`,
      podUid: uid,
      podName: name,
      podNamespace: 'ns',
      attempt: 0,
      ready: true,
      createdAtMs: 1000,
      ips: ['10.0.0.1'],
    },
  ];
  for (const c of containers) {
    const id = `${name}-${c.name}-${c.attempt ?? 0}`;
    state.containers.set(id, {
      id,
      sandboxId: `s-${name}`,
      podUid: uid,
      attempt: 0,
      state: 'running',
      createdAtMs: 1000,
      startedAtMs: 2500,
      ...c,
    } as ContainerRecord);
  }
  const counts: ProbeCount[] = [
    { kind: 'liveness', outcome: 'success', container: 'c', count: 3 },
    { kind: 'readiness', outcome: 'failure', container: 'c', count: 1 },
  ];
  return { pod, state, probeCounts: () => counts } as unknown as PodWorker;
}

const workers = [
  workerOf('web', [
    { name: 'c', image: awkward },
    { name: 'c', attempt: 1, image: awkward },
    { name: 'side', image: 'i', state: 'exited' },
  ]),
  workerOf('idle', []),
];
let nowMs = 1_700_000_000_000;
let cpuNanoseconds = 5e9;

const parts = (given: Partial<KubeletParts> = {}): KubeletParts => ({
  nodeName: 'n1',
  pods: {
    pods: () => workers.map((w) => w.pod),
    worker: (uid) => workers.find((w) => w.pod.metadata.uid === uid),
    healthy: true,
  },
  runtime: {
    stats: async () => ({
      containers: ['web-c-0', 'web-c-1'].map(
        (id): ContainerCounters => ({
          id,
          atMs: nowMs,
          cpuNanoseconds,
          usageBytes: 2048,
          workingSetBytes: 1024,
          rssBytes: 512,
          writtenBytes: 7,
          writtenInodes: 1,
        }),
      ),
      sandboxes: [],
    }),
    imageUsage: async () => ({ mountpoint: directory, bytes: 99, inodes: 9 }),
  },
  cgroups: { parent: () => '' },
  volumes: { podDirectory: () => path.join(directory, 'pod') },
  logsDirectory: path.join(directory, 'podlogs'),
  stateDir: directory,
  systemLogsDirectory: path.join(directory, 'log'),
  clock: { now: () => nowMs },
  machine: () => ({
    cpus: 2,
    memoryBytes: 1e9,
    diskBytes: 1,
    diskFreeBytes: 1,
    memoryAvailableBytes: 1,
    pidsFree: 1,
    kernel: '6',
    osImage: 'x',
    architecture: 'amd64',
    machineId: 'm',
    systemUuid: 's',
    bootId: 'b',
  }),
  configuration: () => ({
    clusterDomain: 'cluster.local',
    dnsAddress: '10.96.0.10',
    maxPods: 110,
    podLogsDirectory: '/logs',
    containerRuntimeSocket: '/c.sock',
    heartbeatSeconds: 10,
  }),
  logs: async () => {},
  ...given,
});

const of = (server: ReturnType<typeof kubeletServer>, at: string, offer: Partial<HttpOffer> = {}): Promise<Answer> =>
  ask(server, offerOf({ type: 'node' }, { path: at, ...offer }));
const get = (at: string, offer: Partial<HttpOffer> = {}, given: Partial<KubeletParts> = {}): Promise<Answer> =>
  of(kubeletServer(parts(given)), at, offer);
const headerOf = (answer: Answer, name: string): string | undefined => answer.headers.find(([n]) => n === name)?.[1];

test('healthz and its checks', async () => {
  expect((await get('/healthz')).text).toBe('ok');
  expect((await get('/healthz?verbose')).text).toBe('[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n');
  for (const check of ['ping', 'log', 'syncloop']) expect((await get(`/healthz/${check}`)).text).toBe('ok');
  expect((await get('/healthz/other')).status).toBe(404);
  const pods = { ...parts().pods, healthy: false };
  const bad = await get('/healthz', {}, { pods });
  expect([bad.status, bad.text]).toEqual([
    500,
    '[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n',
  ]);
  expect((await get('/healthz?exclude=syncloop', {}, { pods })).text).toBe('ok');
  expect((await get('/healthz/syncloop', {}, { pods })).text).toBe(
    'internal server error: sync Loop took longer than expected\n',
  );
});

test.each([
  '/',
  '/nothing',
  '/checkpoint/ns/web/c',
  '/exec/ns/web/c',
  '/run/ns/web/c',
  '/podsx',
  '/%zz',
  '/metrics/',
  '/stats',
  '/__proto__',
])('%s is not there', async (at) => {
  const answer = await get(at);
  expect([answer.status, answer.text]).toEqual([404, '404 page not found\n']);
});

test.each([
  ['POST', '/pods', 'GET'],
  ['DELETE', '/runningpods/', 'GET'],
  ['PUT', '/stats/summary', 'GET, POST'],
  ['POST', '/containerLogs/ns/web/c', 'GET'],
  ['POST', '/logs/', 'GET'],
])('%s %s is not allowed', async (method, at, allow) => {
  const answer = await get(at, { method });
  expect([answer.status, answer.text, headerOf(answer, 'allow')]).toEqual([405, 'Method Not Allowed', allow]);
});

test('configz is a kubelet’s configuration', async () => {
  const { kubeletconfig } = JSON.parse((await get('/configz')).text);
  expect(kubeletconfig).toMatchObject({
    clusterDomain: 'cluster.local',
    clusterDNS: ['10.96.0.10'],
    maxPods: 110,
    containerRuntimeEndpoint: 'unix:///c.sock',
    enableSystemLogQuery: false,
  });
});

test('pods with their newest status, and those of which something runs', async () => {
  const all = JSON.parse((await get('/pods')).text);
  expect([all.kind, all.apiVersion]).toEqual(['PodList', 'v1']);
  expect(all.items.map((p: Pod) => [p.metadata.name, p.status?.phase])).toEqual([
    ['web', 'Running'],
    ['idle', 'Running'],
  ]);
  const running = JSON.parse((await get('/runningpods/')).text);
  expect(running.items).toHaveLength(1);
  expect(running.items[0].metadata).toEqual({ name: 'web', namespace: 'ns', uid: 'uid-web', creationTimestamp: null });
});

test('the summary: the node, pods, newest instances of containers; what is used in between is a rate', async () => {
  await fs.mkdir(path.join(directory, 'pod/volumes/kubernetes.io~empty-dir/v'), { recursive: true });
  await fs.writeFile(path.join(directory, 'pod/volumes/kubernetes.io~empty-dir/v/f'), 'x'.repeat(100_000));
  const server = kubeletServer(parts());
  const first = JSON.parse((await of(server, '/stats/summary')).text);
  expect(first.pods[0].containers[0].cpu.usageNanoCores).toBeUndefined();
  nowMs += 10_000;
  cpuNanoseconds += 2e9;
  const summary = JSON.parse((await of(server, '/stats/summary')).text);
  const { node, pods } = summary;
  expect(node).toMatchObject({ nodeName: 'n1', runtime: { imageFs: { usedBytes: 99, inodesUsed: 9 } } });
  expect(node.cpu.usageCoreNanoSeconds).toBeGreaterThan(0);
  expect(node.memory.workingSetBytes + node.memory.availableBytes).toBe(os.totalmem());
  expect(node.fs.capacityBytes).toBeGreaterThan(node.fs.availableBytes);
  expect(node.rlimit.maxpid).toBeGreaterThan(node.rlimit.curproc);
  expect(node.systemContainers[0].name).toBe('kubelet');
  expect(pods).toHaveLength(1);
  expect(pods[0]).toMatchObject({
    podRef: { name: 'web', namespace: 'ns', uid: 'uid-web' },
    startTime: '1970-01-01T00:00:01Z',
    cpu: { usageCoreNanoSeconds: 7e9, usageNanoCores: 2e8 },
    memory: { workingSetBytes: 1024, rssBytes: 512 },
    containers: [
      {
        name: 'c',
        startTime: '1970-01-01T00:00:02Z',
        cpu: { usageCoreNanoSeconds: 7e9, usageNanoCores: 2e8 },
        rootfs: { usedBytes: 7 },
      },
    ],
  });
  expect(pods[0].volume[0].name).toBe('v');
  expect(pods[0].volume[0].usedBytes).toBeGreaterThanOrEqual(100_000);
  expect(pods[0]['ephemeral-storage'].usedBytes).toBeGreaterThanOrEqual(100_007);
  const little = JSON.parse((await get('/stats/summary?only_cpu_and_memory=true')).text);
  expect(Object.keys(little.pods[0]).toSorted()).toEqual(['containers', 'cpu', 'memory', 'podRef', 'startTime']);
  expect([little.node.fs, little.node.network, little.node.runtime]).toEqual([undefined, undefined, undefined]);
});

test('a runtime that does not answer', async () => {
  const runtime = { ...parts().runtime, stats: () => Promise.reject(new Error('no runtime')) };
  const summary = await get('/stats/summary', {}, { runtime });
  expect([summary.status, summary.text]).toEqual([500, 'Internal Error: no runtime\n']);
  const families = parsePrometheus((await get('/metrics/resource', {}, { runtime })).text);
  expect([...families.keys()]).toEqual(['resource_scrape_error', 'scrape_error']);
  expect(families.get('scrape_error')?.samples[0]?.value).toBe(1);
  expect((await get('/metrics', {}, { runtime })).status).toBe(200);
  expect(
    parsePrometheus((await get('/metrics/cadvisor', {}, { runtime })).text).get('container_scrape_error')?.samples[0]
      ?.value,
  ).toBe(1);
});

test('metrics are what Prometheus takes', async () => {
  const server = kubeletServer(parts());
  const read = async (at: string) => {
    const answer = await of(server, at);
    expect(headerOf(answer, 'content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return parsePrometheus(answer.text);
  };
  const resource = await read('/metrics/resource');
  const labels = { container: 'c', namespace: 'ns', pod: 'web' };
  expect(resource.get('container_cpu_usage_seconds_total')).toMatchObject({
    type: 'counter',
    samples: [{ labels, value: 7, atMs: nowMs }],
  });
  expect(resource.get('container_memory_working_set_bytes')?.samples).toEqual([{ labels, value: 1024, atMs: nowMs }]);
  expect(resource.get('container_start_time_seconds')?.samples).toEqual([{ labels, value: 2.5 }]);
  expect(resource.get('pod_memory_working_set_bytes')?.samples[0]?.labels).toEqual({ namespace: 'ns', pod: 'web' });
  expect(resource.get('node_cpu_usage_seconds_total')?.samples[0]?.value).toBeGreaterThan(0);
  expect(resource.get('scrape_error')?.samples[0]?.value).toBe(0);

  const cadvisor = await read('/metrics/cadvisor');
  const cpu = cadvisor.get('container_cpu_usage_seconds_total')?.samples ?? [];
  expect(cpu.find((s) => s.labels.id === '/')?.value).toBeGreaterThan(0);
  expect(cpu.find((s) => s.labels.container === 'c')?.labels).toEqual({
    ...labels,
    id: '/poduid-web/web-c-1',
    image: awkward,
    name: 'web-c-1',
    cpu: 'total',
  });
  expect(cadvisor.get('machine_memory_bytes')?.samples).toEqual([
    { labels: { boot_id: 'b', machine_id: 'm', system_uuid: 's' }, value: 1e9 },
  ]);
  expect(cadvisor.get('container_network_receive_bytes_total')?.samples.every((s) => s.labels.id === '/')).toBe(true);

  const probes = await read('/metrics/probes');
  expect(probes.get('prober_probe_total')?.samples).toContainEqual({
    labels: {
      container: 'c',
      namespace: 'ns',
      pod: 'web',
      pod_uid: 'uid-web',
      probe_type: 'Liveness',
      result: 'successful',
    },
    value: 3,
  });

  await of(server, '/healthz/ping');
  const own = await read('/metrics');
  expect(own.get('kubelet_running_pods')?.samples[0]?.value).toBe(2);
  expect(own.get('kubelet_running_containers')?.samples.find((s) => s.labels.container_state === 'exited')?.value).toBe(
    1,
  );
  expect(own.get('kubelet_http_requests_total')?.samples).toContainEqual({
    labels: { long_running: 'false', method: 'GET', path: 'metrics/resource', server_type: 'readwrite' },
    value: 1,
  });
  expect(own.get('process_resident_memory_bytes')?.samples[0]?.value).toBeGreaterThan(1e6);
});

test('what the kernel counts is not asked of the runtime', async () => {
  const runtime = { ...parts().runtime, stats: () => Promise.reject(new Error('asked')) };
  const cgroups = { parent: () => '/not-there' };
  const families = parsePrometheus((await get('/metrics/resource', {}, { runtime, cgroups })).text);
  expect(families.get('scrape_error')?.samples[0]?.value).toBe(0);
});

test('many who ask at once ask the runtime once', async () => {
  let asked = 0;
  const { runtime } = parts();
  const server = kubeletServer(
    parts({
      runtime: {
        ...runtime,
        stats: () => {
          asked++;
          return runtime.stats();
        },
      },
    }),
  );
  await Promise.all(Array.from({ length: 50 }, () => of(server, '/metrics/cadvisor')));
  expect(asked).toBe(1);
});

test('system logs: a listing and files, and nothing from outside', async () => {
  const log = path.join(directory, 'log');
  await fs.mkdir(path.join(log, 'sub'), { recursive: true });
  await fs.writeFile(path.join(log, 'a<b>.log'), 'line\n');
  await fs.writeFile(path.join(log, 'sub', 'x.log'), 'x'.repeat(300_000));
  await fs.writeFile(path.join(directory, 'secret'), 'secret');
  await fs.writeFile(path.join(directory, 'logger'), 'secret');
  await fs.symlink('../secret', path.join(log, 'out'));
  await fs.symlink('..', path.join(log, 'up'));
  await fs.symlink('sub/x.log', path.join(log, 'in'));
  const listing = await get('/logs/');
  expect(listing.text).toContain('<a href="a%3Cb%3E.log">a&lt;b&gt;.log</a>\n');
  expect(listing.text).toContain('<a href="sub/">sub/</a>\n');
  expect((await get('/logs/a%3Cb%3E.log')).text).toBe('line\n');
  const file = await get('/logs/sub/x.log');
  expect([file.text.length, headerOf(file, 'content-length')]).toEqual([300_000, '300000']);
  expect((await get('/logs/in')).text).toHaveLength(300_000);
  const slash = await get('/logs/sub');
  expect([slash.status, headerOf(slash, 'location')]).toEqual([301, 'sub/']);
  for (const at of [
    'out',
    'up/secret',
    'up/',
    '../secret',
    '%2e%2e/secret',
    '..%2fsecret',
    '%2e%2e%2flogger',
    'sub/../../secret',
    'nothing',
    'a%00',
    '/etc/passwd',
  ]) {
    const answer = await get(`/logs/${at}`);
    expect([at, answer.status, answer.text.includes('secret')]).toEqual([at, 404, false]);
  }
  // Queries of services are off, as upstream's default is.
  expect((await get('/logs/?query=ssh')).text).toBe(listing.text);
  expect((await get('/logs/', {}, { systemLogsDirectory: '' })).status).toBe(404);
});

test('a system log is let go of, whether its client takes all of it, a part or nothing', async () => {
  const file = path.join(directory, 'log', 'large.log');
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, 'x'.repeat(1_000_000));
  const open = async (): Promise<number> => {
    const links = (await fs.readdir('/proc/self/fd')).map((fd) => fs.readlink(`/proc/self/fd/${fd}`).catch(() => ''));
    return (await Promise.all(links)).filter((to) => to === file).length;
  };
  const server = kubeletServer(parts());
  const offer = offerOf({ type: 'node' }, { path: '/logs/large.log' });
  const serve = (taken: number, end = (): void => {}): Promise<void> =>
    server({
      offer,
      signal: new AbortController().signal,
      async *body() {},
      async accept() {
        expect(await open()).toBe(1);
        if (taken < 0) throw errors.gone('nobody waits for this stream');
        return { signal: new AbortController().signal, send: async () => taken-- > 0, cursor() {}, end };
      },
    });
  await expect(serve(-1)).rejects.toThrow('nobody waits');
  expect(await open()).toBe(0);
  for (const taken of [0, 1, 1000]) {
    await serve(taken);
    expect(await open()).toBe(0);
  }
});

test('logs of a container, with the options of the API', async () => {
  const seen: LogOffer[] = [];
  const logs: KubeletParts['logs'] = async ({ offer, accept }) => {
    seen.push(offer);
    if (offer.options.previous === 'true') throw errors.badRequest('previous terminated container not found');
    const socket = await accept({ status: 200, headers: [['content-type', 'text/plain']] });
    await socket.send(Buffer.from('hello\n'));
    socket.end();
  };
  expect(
    (
      await get(
        '/containerLogs/ns/web/c?follow=1&tailLines=5&timestamps=true&sinceTime=2026-01-01T00:00:00Z',
        {},
        { logs },
      )
    ).text,
  ).toBe('hello\n');
  expect(seen[0]).toMatchObject({
    kind: 'log',
    podUid: 'uid-web',
    container: 'c',
    options: { follow: 'true', tailLines: '5', timestamps: 'true', sinceTime: '2026-01-01T00:00:00Z' },
  });
  expect((await get('/containerLogs/ns/web/c?tail=all', {}, { logs })).text).toBe('hello\n');
  expect(seen[1]?.options).toEqual({});
  expect((await get('/containerLogs/ns/web/c?previous=true', {}, { logs })).refused?.code).toBe(400);
  for (const [at, status, text] of [
    ['ns/other/c', 404, 'pod "other" does not exist'],
    ['other/web/c', 404, 'pod "web" does not exist'],
    ['ns/web/x', 404, 'container "x" not found in pod "web"'],
    ['ns/web', 404, '404 page not found\n'],
    ['ns/web/c/d', 404, '404 page not found\n'],
    ['ns/web/c?tailLines=-1', 422, '{"message": "Invalid request."}'],
    ['ns/web/c?sinceSeconds=0', 422, '{"message": "Invalid request."}'],
    ['ns/web/c?limitBytes=0', 422, '{"message": "Invalid request."}'],
    ['ns/web/c?sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z', 422, '{"message": "Invalid request."}'],
    ['ns/web/c?stream=Stdout&tailLines=1', 422, '{"message": "Invalid request."}'],
    ['ns/web/c?stream=x', 422, '{"message": "Invalid request."}'],
    ['ns/web/c?tailLines=x', 400, '{"message": "Unable to decode query."}'],
    ['ns/web/c?follow=maybe', 400, '{"message": "Unable to decode query."}'],
    ['ns/web/c?follow=__proto__', 400, '{"message": "Unable to decode query."}'],
    ['ns/web/c?sinceTime=yesterday', 400, '{"message": "Unable to decode query."}'],
  ] as const) {
    const answer = await get(`/containerLogs/${at}`, {}, { logs });
    expect([at, answer.status, answer.text]).toEqual([at, status, text]);
  }
});
