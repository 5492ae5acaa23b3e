// /metrics/cadvisor: the kernel's counters of cgroups and networks, with cAdvisor's names and labels.
import type { Facts, PodFacts, Usage } from '../facts.ts';
import { type Family, familiesOf, type Measure, type Sample } from '../prometheus.ts';
import { gauge, identity, seconds, usage } from './common.ts';

interface Counted {
  id: string;
  name: string;
  image: string;
  container: string;
  pod: PodFacts | undefined;
  usage: Usage | undefined;
  startedAtMs: number | undefined;
  interfaces: Facts['interfaces'];
}

const onEach =
  (of: (i: Facts['interfaces'][number]) => number) =>
  ({ interfaces }: Counted): Sample[] =>
    interfaces.map((i) => ({ labels: { interface: i.name }, value: of(i) }));

const counted = (name: string, help: string, of: (u: Usage) => number | undefined): Measure<Counted> => ({
  name,
  type: name.endsWith('_total') || name.endsWith('failcnt') ? 'counter' : 'gauge',
  help,
  of: usage(of),
});
const network = (name: string, help: string, of: (i: Facts['interfaces'][number]) => number): Measure<Counted> => ({
  name: `container_network_${name}_total`,
  type: 'counter',
  help: `Cumulative count of ${help}`,
  of: onEach(of),
});

const cadvisorMeasures: Measure<Counted>[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    type: 'counter',
    help: 'Cumulative cpu time consumed in seconds.',
    of: ({ usage: u }) => {
      const value = seconds(u?.cpuNanoseconds);
      return value === undefined ? undefined : [{ labels: { cpu: 'total' }, value }];
    },
  },
  counted('container_cpu_user_seconds_total', 'Cumulative user cpu time consumed in seconds.', (u) => u.userSeconds),
  counted(
    'container_cpu_system_seconds_total',
    'Cumulative system cpu time consumed in seconds.',
    (u) => u.systemSeconds,
  ),
  counted(
    'container_cpu_cfs_periods_total',
    'Number of elapsed enforcement period intervals.',
    (u) => u.periods || undefined,
  ),
  counted('container_cpu_cfs_throttled_periods_total', 'Number of throttled period intervals.', (u) =>
    u.periods ? u.throttledPeriods : undefined,
  ),
  counted('container_cpu_cfs_throttled_seconds_total', 'Total time duration the container has been throttled.', (u) =>
    u.periods ? u.throttledSeconds : undefined,
  ),
  counted(
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    (u) => u.usageBytes,
  ),
  counted('container_memory_working_set_bytes', 'Current working set in bytes.', (u) => u.workingSetBytes),
  counted('container_memory_rss', 'Size of RSS in bytes.', (u) => u.rssBytes),
  counted('container_memory_cache', 'Number of bytes of page cache memory.', (u) => u.cacheBytes),
  counted('container_memory_mapped_file', 'Size of memory mapped files in bytes.', (u) => u.mappedBytes),
  counted('container_memory_swap', 'Container swap usage in bytes.', (u) => u.swapBytes),
  counted('container_memory_failcnt', 'Number of memory usage hits limits', (u) => u.failures),
  {
    name: 'container_memory_failures_total',
    type: 'counter',
    help: 'Cumulative count of memory allocation failures.',
    of: ({ usage: u }) =>
      (['pageFaults', 'majorPageFaults'] as const)
        .filter((field) => u?.[field] !== undefined)
        .map((field) => ({
          labels: { failure_type: field === 'pageFaults' ? 'pgfault' : 'pgmajfault', scope: 'hierarchy' },
          value: u?.[field] ?? 0,
        })),
  },
  counted('container_processes', 'Number of processes running inside the container.', (u) => u.processes),
  counted('container_spec_memory_limit_bytes', 'Memory limit for the container.', (u) =>
    u.usageBytes === undefined ? undefined : (u.limitBytes ?? 0),
  ),
  {
    name: 'container_start_time_seconds',
    type: 'gauge',
    help: 'Start time of the container since unix epoch in seconds.',
    of: ({ startedAtMs }) => (startedAtMs === undefined ? undefined : Math.floor(startedAtMs / 1000)),
  },
  {
    name: 'container_last_seen',
    type: 'gauge',
    help: 'Last time a container was seen by the exporter',
    of: ({ usage: u }) => u && Math.floor(u.atMs / 1000),
  },
  network('receive_bytes', 'bytes received', (i) => i.rxBytes),
  network('receive_packets', 'packets received', (i) => i.rxPackets),
  network('receive_packets_dropped', 'packets dropped while receiving', (i) => i.rxDropped),
  network('receive_errors', 'errors encountered while receiving', (i) => i.rxErrors),
  network('transmit_bytes', 'bytes transmitted', (i) => i.txBytes),
  network('transmit_packets', 'packets transmitted', (i) => i.txPackets),
  network('transmit_packets_dropped', 'packets dropped while transmitting', (i) => i.txDropped),
  network('transmit_errors', 'errors encountered while transmitting', (i) => i.txErrors),
];

export interface MachineFacts {
  cpus: number;
  memoryBytes: number;
  kernel: string;
  osImage: string;
  machineId: string;
  systemUuid: string;
  bootId: string;
}

/** The machine's root, pods as a whole (their network is theirs), and their containers. */
export function cadvisorMetrics(facts: Facts | undefined, machine: MachineFacts | undefined): Family[] {
  const none = { name: '', image: '', container: '', interfaces: [], startedAtMs: undefined };
  const subjects: Counted[] = (facts?.pods ?? []).flatMap((pod) => [
    { ...none, id: pod.cgroup || `/pod${pod.pod.metadata.uid}`, pod, usage: pod.usage, interfaces: [] },
    // cAdvisor counts a pod's network at its sandbox.
    ...(pod.sandbox && pod.interfaces.length > 0
      ? [
          {
            ...none,
            id: `${pod.cgroup}/${pod.sandbox.id}`,
            name: pod.sandbox.id,
            pod,
            usage: undefined,
            interfaces: pod.interfaces,
          },
        ]
      : []),
    ...pod.containers.map(({ record, usage: u, cgroup }) => ({
      ...none,
      id: cgroup || `/pod${pod.pod.metadata.uid}/${record.id}`,
      name: record.id,
      image: record.image,
      container: record.name,
      pod,
      usage: u,
      startedAtMs: record.startedAtMs,
    })),
  ]);
  if (facts)
    subjects.unshift({
      ...none,
      id: '/',
      pod: undefined,
      usage: facts.usage,
      startedAtMs: facts.machine?.bootedAtMs,
      interfaces: facts.interfaces,
    });
  const about = (s: Counted) => ({
    labels: {
      container: s.container,
      id: s.id,
      image: s.image,
      name: s.name,
      ...(s.pod ? identity(s.pod) : { namespace: '', pod: '' }),
    },
    atMs: s.usage?.atMs ?? facts?.atMs,
  });
  const failed = facts ? 0 : 1;
  const ids = machine && { boot_id: machine.bootId, machine_id: machine.machineId, system_uuid: machine.systemUuid };
  return [
    gauge(
      'cadvisor_version_info',
      "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
      machine
        ? [
            {
              labels: {
                cadvisorRevision: '',
                cadvisorVersion: '',
                dockerVersion: '',
                kernelVersion: machine.kernel,
                osVersion: machine.osImage,
              },
              value: 1,
            },
          ]
        : [],
    ),
    ...familiesOf(cadvisorMeasures, subjects, about),
    gauge('container_scrape_error', '1 if there was an error while getting container metrics, 0 otherwise', [
      { value: failed },
    ]),
    gauge('machine_cpu_cores', 'Number of logical CPU cores.', ids ? [{ labels: ids, value: machine.cpus }] : []),
    gauge(
      'machine_memory_bytes',
      'Amount of memory installed on the machine.',
      ids ? [{ labels: ids, value: machine.memoryBytes }] : [],
    ),
    gauge(
      'machine_swap_bytes',
      'Amount of swap memory available on the machine.',
      ids && facts?.machine ? [{ labels: ids, value: facts.machine.swapTotalBytes }] : [],
    ),
    gauge('machine_scrape_error', '1 if there was an error while getting machine metrics, 0 otherwise.', [
      { value: machine ? 0 : 1 },
    ]),
  ];
}
