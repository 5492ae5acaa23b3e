// What a kubelet serves of its node, as a table of paths. No port is opened: requests come through the control plane, which has
// authorised them, and only they do. What changes a pod (exec, attach, run, port-forward, checkpoint) is not served here.
import fs from 'node:fs/promises';
import type { HttpOffer, LogOffer } from '../../src/protocol/streams.ts';
import type { Machine } from '../node-status.ts';
import { kubeletVersion } from '../node-status.ts';
import type { PodManager } from '../pods/manager.ts';
import type { PodWorker } from '../pods/worker.ts';
import type { ServeBody } from '../streams/types.ts';
import { type ConfigurationFacts, kubeletConfiguration } from './configuration.ts';
import { containerLogs } from './container-logs.ts';
import { type Facts, FactsGatherer, type FactsParts, type Usage } from './facts.ts';
import { type Check, health } from './health.ts';
import {
  type Answer,
  failure,
  json,
  methodNotAllowed,
  notFound,
  type Request,
  requestOf,
  respond,
  text,
} from './http.ts';
import { cadvisorMetrics } from './metrics/cadvisor.ts';
import { kubeletMetrics } from './metrics/kubelet.ts';
import { probeMetrics } from './metrics/probes.ts';
import { resourceMetrics } from './metrics/resource.ts';
import { contentType, exposition, type Family } from './prometheus.ts';
import { summaryOf } from './summary.ts';
import { systemLogs } from './system-logs.ts';

export interface KubeletParts extends FactsParts {
  nodeName: string;
  pods: Pick<PodManager, 'pods' | 'worker' | 'healthy'>;
  machine(): Machine | undefined;
  configuration(): ConfigurationFacts;
  /** Who serves the logs of containers. */
  logs: ServeBody<LogOffer>;
  /** `/var/log`; '' has none. */
  systemLogsDirectory: string;
}

type Handler = (request: Request) => Promise<Answer | undefined> | Answer;
interface Route {
  /** One path, or all below one that ends with a slash. */
  path: string;
  /** Default: any. */
  methods?: readonly string[];
  handle: Handler;
}

const get = ['GET'];

export function kubeletServer(p: KubeletParts): ServeBody<HttpOffer> {
  const startedAtMs = p.clock.now();
  const gatherer = new FactsGatherer(p);
  const requests = new Map<string, number>();
  const workers = (): PodWorker[] => p.pods.pods().flatMap((pod) => p.pods.worker(pod.metadata.uid) ?? []);
  const attempt = (full: boolean): Promise<Facts | undefined> => gatherer.gather(full).catch(() => undefined);
  const metrics = async (families: Promise<Family[]> | Family[]): Promise<Answer> =>
    text(exposition(await families), 200, contentType);

  const checks: Check[] = [
    { name: 'ping', run: () => undefined },
    { name: 'log', run: () => undefined },
    { name: 'syncloop', run: () => (p.pods.healthy ? undefined : 'sync Loop took longer than expected') },
  ];
  const checkHealth: Handler = (request) => health(checks, request);

  const routes: Route[] = [
    { path: '/healthz', handle: checkHealth },
    { path: '/healthz/', handle: checkHealth },
    { path: '/configz', handle: () => json({ kubeletconfig: kubeletConfiguration(p.configuration()) }) },
    {
      path: '/pods',
      methods: get,
      handle: () => podList(workers().map(({ pod, state }) => ({ ...pod, status: state.status }))),
    },
    { path: '/runningpods', methods: get, handle: () => podList(workers().flatMap(runningPod)) },
    { path: '/runningpods/', methods: get, handle: () => podList(workers().flatMap(runningPod)) },
    {
      path: '/stats/summary',
      methods: ['GET', 'POST'],
      handle: async ({ query }) => {
        const onlyCpuAndMemory = isTrue(query.get('only_cpu_and_memory'));
        const facts = await gatherer.gather(!onlyCpuAndMemory);
        return json(
          summaryOf(facts, { nodeName: p.nodeName, startedAtMs, onlyCpuAndMemory, kubelet: ownUsage(facts.atMs) }),
        );
      },
    },
    {
      path: '/metrics',
      handle: () =>
        metrics(
          Promise.all([attempt(true), ownProcess()]).then(([facts, process]) =>
            kubeletMetrics({
              nodeName: p.nodeName,
              version: kubeletVersion,
              startedAtMs,
              workers: workers(),
              requests,
              process,
              facts,
            }),
          ),
        ),
    },
    {
      path: '/metrics/cadvisor',
      handle: () => metrics(attempt(true).then((facts) => cadvisorMetrics(facts, p.machine()))),
    },
    { path: '/metrics/resource', handle: () => metrics(attempt(false).then(resourceMetrics)) },
    { path: '/metrics/probes', handle: () => metrics(probeMetrics(workers(), startedAtMs)) },
    { path: '/containerLogs/', methods: get, handle: (request) => containerLogs(request, p.pods.pods(), p.logs) },
    { path: '/logs', methods: get, handle: () => ({ status: 301, headers: [['location', 'logs/']], body: '' }) },
    { path: '/logs/', methods: get, handle: (request) => systemLogs(p.systemLogsDirectory, request) },
  ];

  return async (stream) => {
    const request = requestOf(stream);
    const route = request && routeOf(routes, request.path);
    if (!request || !route) return respond({ method: stream.offer.method, stream }, notFound());
    const key = `${request.method} ${route.path.split('/').filter(Boolean).slice(0, 2).join('/')}`;
    requests.set(key, (requests.get(key) ?? 0) + 1);
    if (route.methods && !route.methods.includes(request.method))
      return respond(request, methodNotAllowed(route.methods.join(', ')));
    const answer = await Promise.resolve(route.handle(request)).catch((error: unknown) => {
      // An ApiError is the client's answer as it is.
      if (error instanceof Error && error.name === 'ApiError') throw error;
      return failure(`Internal Error: ${error instanceof Error ? error.message : String(error)}`, 500);
    });
    if (answer) await respond(request, answer);
  };
}

const routeOf = (routes: readonly Route[], path: string): Route | undefined =>
  routes.find((r) => r.path === path) ?? routes.find((r) => r.path.endsWith('/') && path.startsWith(r.path));

const isTrue = (given: string | null): boolean => ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(given ?? '');

const podList = (items: readonly unknown[]): Answer => json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });

/** As the runtime knows it: what runs of it. */
function runningPod({ pod, state }: PodWorker): unknown[] {
  const running = [...state.containers.values()].filter((c) => c.state === 'running');
  if (running.length === 0) return [];
  const { name, namespace, uid } = pod.metadata;
  return [
    {
      metadata: { name, namespace, uid, creationTimestamp: null },
      spec: { containers: running.map((c) => ({ name: c.name, image: c.image, resources: {} })) },
      status: {},
    },
  ];
}

function ownUsage(atMs: number): Usage {
  const { user, system } = process.cpuUsage();
  const bytes = process.memoryUsage.rss();
  return { atMs, cpuNanoseconds: (user + system) * 1000, usageBytes: bytes, workingSetBytes: bytes, rssBytes: bytes };
}

async function ownProcess(): Promise<{ cpuSeconds: number; residentBytes: number; openFiles: number | undefined }> {
  const { user, system } = process.cpuUsage();
  const open = await fs.readdir('/proc/self/fd').catch(() => undefined);
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss(), openFiles: open?.length };
}
