// Pods through the whole path, as a watcher of the API sees them.
import fs from 'node:fs';
import path from 'node:path';
import type { Node, Pod } from '../../src/generated/schemas/core-v1.ts';
import type { ApiClient } from '../harness/api.ts';
import type { Figure } from './stats.ts';

export interface Cluster {
  api: ApiClient;
  stateDir: string;
}

const pods = '/api/v1/namespaces/default/pods';
/** Ends at once when told to, so that nothing of a pod is left when the next one is measured. */
export const command = ['sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];
const spec = { containers: [{ name: 'c', image: 'tiffin.dev/busybox:1', command }] };
const running = (pod: Pod): boolean =>
  pod.status.phase === 'Running' && pod.status.containerStatuses?.[0]?.state?.running !== undefined;

/** Deleted with grace: the object goes only when containers, sandbox and volumes are gone from the node. */
async function gone(api: ApiClient, name: string): Promise<void> {
  const watch = api.watch<Pod>(`${pods}?watch=1&fieldSelector=metadata.name%3D${name}`, (type) => type === 'DELETED');
  await watch.opened;
  await api.request('DELETE', `${pods}/${name}`);
  await watch.done;
}

export async function podStart({ api }: Cluster, rounds: number): Promise<Figure> {
  const samplesMs: number[] = [];
  for (let i = -1; i < rounds; i++) {
    const name = `start-${i + 1}`;
    const watch = api.watch<Pod>(`${pods}?watch=1&fieldSelector=metadata.name%3D${name}`, (_type, pod) => running(pod));
    await watch.opened;
    const started = performance.now();
    await api.request('POST', pods, { metadata: { name }, spec });
    await watch.done;
    if (i >= 0) samplesMs.push(performance.now() - started);
    await gone(api, name);
  }
  return { name: 'Tiffin: create to Running', samplesMs };
}

/** Host process id of a container's first process. */
function pidOf(containerId: string): number {
  const id = containerId.replace('containerd://', '');
  for (const pid of fs.readdirSync('/proc').filter((e) => /^\d+$/.test(e))) {
    try {
      if (
        fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id) &&
        /^NSpid:.*\t1$/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
      )
        return Number(pid);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error(`no process of ${id}`);
}

/** SIGKILL of a fresh pod's container, until it is seen running again: the first restart of each pod. */
export async function killedContainer({ api }: Cluster, rounds: number): Promise<Figure> {
  const samplesMs: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const name = `killed-${i}`;
    let containerId = '';
    const up = api.watch<Pod>(`${pods}?watch=1&fieldSelector=metadata.name%3D${name}`, (_type, pod) => {
      containerId = pod.status.containerStatuses?.[0]?.containerID ?? '';
      return running(pod);
    });
    await up.opened;
    await api.request('POST', pods, { metadata: { name }, spec });
    await up.done;
    const again = api.watch<Pod>(
      `${pods}?watch=1&fieldSelector=metadata.name%3D${name}`,
      (_type, pod) => running(pod) && (pod.status.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    );
    await again.opened;
    const pid = pidOf(containerId);
    const started = performance.now();
    process.kill(pid, 'SIGKILL');
    await again.done;
    samplesMs.push(performance.now() - started);
    await gone(api, name);
  }
  return { name: 'killed container running again', samplesMs };
}

/** DELETE of a Deployment's pod, until its replacement runs. */
export async function deletedPod({ api }: Cluster, rounds: number): Promise<Figure> {
  const samplesMs: number[] = [];
  const labels = { app: 'replaced' };
  await api.request('POST', '/apis/apps/v1/namespaces/default/deployments', {
    metadata: { name: 'replaced' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
    },
  });
  const selector = `${pods}?watch=1&labelSelector=app%3Dreplaced`;
  const next = (not: string) => {
    let name = '';
    const watch = api.watch<Pod>(selector, (_type, pod) => {
      name = pod.metadata.name;
      return name !== not && !pod.metadata.deletionTimestamp && running(pod);
    });
    return { ...watch, name: () => name };
  };
  let current = next('');
  await current.done;
  for (let i = 0; i < rounds; i++) {
    const old = current.name();
    current = next(old);
    await current.opened;
    const started = performance.now();
    await api.request('DELETE', `${pods}/${old}`);
    await current.done;
    samplesMs.push(performance.now() - started);
  }
  await api.request('DELETE', '/apis/apps/v1/namespaces/default/deployments/replaced?propagationPolicy=Foreground');
  return { name: "deleted pod's replacement running", samplesMs };
}

/** A Deployment from nothing to `replicas` pods on one node: when each of them was seen Ready. */
export async function rollOut({ api }: Cluster, replicas: number): Promise<Figure> {
  const labels = { app: 'many' };
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const readyAt = new Map<string, number>();
  let started = 0;
  const all = api.watch<Pod>(`${pods}?watch=1&labelSelector=app%3Dmany`, (_type, pod) => {
    const ready = pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
    if (ready && !readyAt.has(pod.metadata.uid)) readyAt.set(pod.metadata.uid, performance.now() - started);
    return readyAt.size === replicas;
  });
  await all.opened;
  started = performance.now();
  await api.request('POST', deployments, {
    metadata: { name: 'many' },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await all.done;
  await api.request('DELETE', `${deployments}/many?propagationPolicy=Foreground`);
  for (;;) {
    const left = await api.request<{ items: unknown[] }>('GET', `${pods}?labelSelector=app%3Dmany`);
    if (left.items.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { name: `Deployment 0 to ${replicas} pods: Ready`, samplesMs: [...readyAt.values()] };
}

/** Milliseconds from the silence of an agent until its node is not Ready. The agent is let go on afterwards. */
export async function lostNode({ api, stateDir }: Cluster): Promise<number> {
  const node = (await api.request<{ items: Node[] }>('GET', '/api/v1/nodes')).items[0]?.metadata.name as string;
  const pid = Number(
    fs
      .readFileSync(path.join(stateDir, 'pids', `agent-${node}.pid`), 'utf8')
      .trim()
      .split(/\s/)[0],
  );
  const watch = api.watch<Node>(
    '/api/v1/nodes?watch=1',
    (_type, n) => n.status.conditions?.find((c) => c.type === 'Ready')?.status !== 'True',
  );
  await watch.opened;
  process.kill(pid, 'SIGSTOP');
  const started = performance.now();
  try {
    await watch.done;
    return performance.now() - started;
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
