// /metrics: of the agent itself and of the pods that it keeps.
import type { PodWorker } from '../../pods/worker.ts';
import type { ContainerState } from '../../runtime.ts';
import type { Facts } from '../facts.ts';
import type { Family } from '../prometheus.ts';
import { containersOf, counter, gauge, identity, startTime } from './common.ts';

const states: ContainerState[] = ['created', 'exited', 'running', 'unknown'];

export interface AgentFacts {
  nodeName: string;
  version: string;
  startedAtMs: number;
  workers: readonly Pick<PodWorker, 'pod' | 'state'>[];
  /** `METHOD PATH` of requests served. */
  requests: ReadonlyMap<string, number>;
  process: { cpuSeconds: number; residentBytes: number; openFiles: number | undefined };
  /** With file systems; undefined: they could not be had. */
  facts: Facts | undefined;
}

export function kubeletMetrics(o: AgentFacts): Family[] {
  const { workers } = o;
  const records = workers.flatMap((w) => [...w.state.containers.values()]);
  const active = workers.filter((w) => !w.state.termination && !w.state.rejected);
  const logs = containersOf(o.facts?.pods ?? []).filter(({ container }) => container.logs);
  return [
    gauge('kubelet_node_name', "[ALPHA] The node's name. The count is always 1.", [
      { labels: { node: o.nodeName }, value: 1 },
    ]),
    gauge('kubelet_running_pods', '[BETA] Number of pods that have a running pod sandbox', [
      { value: workers.filter((w) => w.state.sandboxes.some((s) => s.ready)).length },
    ]),
    gauge(
      'kubelet_running_containers',
      '[BETA] Number of containers currently running',
      states.map((state) => ({
        labels: { container_state: state },
        value: records.filter((r) => r.state === state).length,
      })),
    ),
    gauge(
      'kubelet_desired_pods',
      '[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.',
      [{ labels: { static: '' }, value: workers.filter((w) => w.state.termination?.why !== 'removed').length }],
    ),
    gauge(
      'kubelet_active_pods',
      '[ALPHA] The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.',
      [{ labels: { static: '' }, value: active.length }],
    ),
    gauge(
      'kubelet_managed_ephemeral_containers',
      '[ALPHA] Current number of ephemeral containers in pods managed by this kubelet.',
      [{ value: workers.reduce((n, w) => n + (w.pod.spec?.ephemeralContainers?.length ?? 0), 0) }],
    ),
    gauge(
      'kubelet_container_log_filesystem_used_bytes',
      "[ALPHA] Bytes used by the container's logs on the filesystem.",
      logs.map(({ pod, container }) => ({
        labels: { container: container.record.name, ...identity(pod), uid: pod.pod.metadata.uid },
        value: container.logs?.usedBytes ?? 0,
      })),
    ),
    counter(
      'kubelet_http_requests_total',
      '[ALPHA] Number of the http requests received since the server started',
      [...o.requests].map(([key, value]) => {
        const [method = '', path = ''] = key.split(' ');
        return { labels: { long_running: 'false', method, path, server_type: 'readwrite' }, value };
      }),
    ),
    gauge(
      'kubernetes_build_info',
      "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      [
        {
          labels: {
            git_version: o.version,
            major: '1',
            minor: /^v1\.(\d+)/.exec(o.version)?.[1] ?? '',
            platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
          },
          value: 1,
        },
      ],
    ),
    ...processMetrics(o),
  ];
}

function processMetrics({ process: p, startedAtMs }: Pick<AgentFacts, 'process' | 'startedAtMs'>): Family[] {
  return [
    counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', [{ value: p.cpuSeconds }]),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', [{ value: p.residentBytes }]),
    gauge(
      'process_open_fds',
      'Number of open file descriptors.',
      p.openFiles === undefined ? [] : [{ value: p.openFiles }],
    ),
    startTime(startedAtMs),
  ];
}
