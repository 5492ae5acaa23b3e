// A closed loop of requests against one API server: `connections` workers, each with a connection of its own, each sending
// its next request when the last is answered. Objects are ConfigMaps of 1 KiB.
import { type ApiClient, apiClient } from '../harness/api.ts';
import { percentile } from './stats.ts';

export const listSize = 500;
export const payloadBytes = 1024;

export type Operation = 'create' | 'get' | 'list' | 'update' | 'watch';

export interface Cell {
  operation: Operation;
  connections: number;
  /** Of a watch. */
  watchers?: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  errors: number;
  /** Processor share and resident memory of the server's processes while measured. */
  cpuPercent: number;
  residentMiB: number;
}

export type Load = Pick<Cell, 'perSecond' | 'p50Ms' | 'p99Ms' | 'errors'>;

const warmUpMs = 1000;
const payload = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(30).slice(0, payloadBytes);
let serial = 0;

const collection = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;
const configMap = (name: string) => ({ metadata: { name, labels: { app: 'load' } }, data: { payload } });

/** `namespace` is made when it is missing, and filled where the operation reads. */
export async function load(
  kubeconfig: string,
  operation: Exclude<Operation, 'watch'>,
  connections: number,
  seconds: number,
): Promise<Load> {
  const control = apiClient(kubeconfig);
  const namespace = `bench-${operation}`;
  await control.request('POST', '/api/v1/namespaces', { metadata: { name: namespace } }).catch(() => undefined);
  if (operation === 'get' || operation === 'list') {
    const { items } = await control.request<{ items: unknown[] }>('GET', `${collection(namespace)}?labelSelector=app`);
    for (let i = items.length; i < listSize; i++)
      await control.request('POST', collection(namespace), configMap(`l-${i}`));
  }
  control.close();
  const clients = Array.from({ length: connections }, () => apiClient(kubeconfig));
  const samples: number[] = [];
  let errors = 0;
  let measuring = false;
  let over = false;
  const workers = clients.map(async (client) => {
    const once = await request(client, operation, namespace);
    while (!over) {
      const started = performance.now();
      const failed = await once().then(
        () => false,
        () => true,
      );
      if (!measuring) continue;
      if (failed) errors++;
      else samples.push(performance.now() - started);
    }
  });
  await new Promise((resolve) => setTimeout(resolve, warmUpMs));
  measuring = true;
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  measuring = false;
  const tookMs = performance.now() - started;
  over = true;
  await Promise.all(workers);
  for (const client of clients) client.close();
  return { ...summary(samples), perSecond: samples.length / (tookMs / 1000), errors };
}

async function request(client: ApiClient, operation: Operation, namespace: string): Promise<() => Promise<unknown>> {
  const path = collection(namespace);
  if (operation === 'get') return () => client.request('GET', `${path}/l-0`);
  if (operation === 'list') return () => client.request('GET', path);
  const fresh = () => configMap(`c-${process.pid}-${serial++}`);
  if (operation === 'create') return () => client.request('POST', path, fresh());
  let object = await client.request<ReturnType<typeof configMap>>('POST', path, fresh());
  let round = 0;
  return async () => {
    const tag = `${round++}:`;
    object.data.payload = tag + payload.slice(tag.length);
    object = await client.request('PUT', `${path}/${object.metadata.name}`, object);
  };
}

/** From before a create is sent until a watcher has its event; over `rounds` creates and `watchers` watchers. */
export async function watchLatency(kubeconfig: string, watchers: number, rounds: number): Promise<Load> {
  const client = apiClient(kubeconfig);
  const namespace = 'bench-watch';
  await client.request('POST', '/api/v1/namespaces', { metadata: { name: namespace } }).catch(() => undefined);
  const { metadata } = await client.request<{ metadata: { resourceVersion: string } }>(
    'GET',
    `${collection(namespace)}?limit=1`,
  );
  const samples: number[] = [];
  let sent = 0;
  let missing = 0;
  let all = (): void => {};
  const streams = Array.from({ length: watchers }, () => {
    const watcher = apiClient(kubeconfig);
    const stream = watcher.watch(
      `${collection(namespace)}?watch=true&resourceVersion=${metadata.resourceVersion}&timeoutSeconds=600`,
      (type) => {
        if (type !== 'ADDED') return false;
        samples.push(performance.now() - sent);
        if (--missing === 0) all();
        return false;
      },
    );
    // It ends when its client closes.
    stream.done.catch(() => undefined);
    return { watcher, ...stream };
  });
  await Promise.all(streams.map(({ opened }) => opened));
  const started = performance.now();
  for (let round = 0; round < rounds; round++) {
    missing = watchers;
    const seen = new Promise<void>((resolve) => {
      all = resolve;
    });
    sent = performance.now();
    await client.request('POST', collection(namespace), configMap(`w-${process.pid}-${serial++}`));
    await seen;
  }
  const tookMs = performance.now() - started;
  for (const { watcher } of streams) watcher.close();
  client.close();
  return { ...summary(samples), perSecond: rounds / (tookMs / 1000), errors: 0 };
}

const summary = (samples: readonly number[]) => ({ p50Ms: percentile(samples, 50), p99Ms: percentile(samples, 99) });
