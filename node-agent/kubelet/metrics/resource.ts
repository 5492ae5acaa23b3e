// /metrics/resource: what autoscalers and `top` need, of the node, its pods and containers.
import type { Facts, Usage } from '../facts.ts';
import { type Family, familiesOf, type Measure } from '../prometheus.ts';
import { summed } from '../summary.ts';
import { containersOf, gauge, identity, seconds, usage } from './common.ts';

type Used = { usage: Usage | undefined };
const resources = (what: string, prefix: string): Measure<Used>[] => [
  {
    name: `${prefix}_cpu_usage_seconds_total`,
    type: 'counter',
    help: `[STABLE] Cumulative cpu time consumed by the ${what} in core-seconds`,
    of: usage((u) => seconds(u.cpuNanoseconds)),
  },
  {
    name: `${prefix}_memory_working_set_bytes`,
    type: 'gauge',
    help: `[STABLE] Current working set of the ${what} in bytes`,
    of: usage((u) => u.workingSetBytes),
  },
  {
    name: `${prefix}_swap_usage_bytes`,
    type: 'gauge',
    help: `[ALPHA] Current amount of the ${what} swap usage in bytes. Reported only on non-windows systems`,
    of: usage((u) => u.swapBytes),
  },
];

/** Undefined: nothing could be had. */
export function resourceMetrics(facts: Facts | undefined): Family[] {
  const error = facts ? 0 : 1;
  const { pods = [], machine } = facts ?? {};
  const node: Used[] = facts ? [{ usage: facts.usage && { ...facts.usage, swapBytes: machine?.swapUsedBytes } }] : [];
  const containers = containersOf(pods).map(({ pod, container }) => ({
    usage: container.usage,
    startedAtMs: container.record.startedAtMs,
    labels: { container: container.record.name, ...identity(pod) },
  }));
  const whole = pods
    .map((pod) => ({
      usage: pod.usage ?? summed(pod.containers),
      labels: identity(pod),
      running: pod.containers.length > 0,
    }))
    .filter((p) => p.running);
  const at = (subject: Used & { labels?: Record<string, string> }) => ({
    ...(subject.labels ? { labels: subject.labels } : {}),
    atMs: subject.usage?.atMs,
  });
  const one = (name: string, level: string): Family =>
    gauge(name, `[${level}] 1 if there was an error while getting container metrics, 0 otherwise`, [{ value: error }]);
  return [
    ...familiesOf(resources('container', 'container'), containers, at),
    gauge(
      'container_start_time_seconds',
      '[STABLE] Start time of the container since unix epoch in seconds',
      containers.map((c) => ({ labels: c.labels, value: c.startedAtMs / 1000 })),
    ),
    ...familiesOf(resources('node', 'node'), node, at),
    ...familiesOf(resources('pod', 'pod'), whole, at),
    one('resource_scrape_error', 'STABLE'),
    one('scrape_error', 'ALPHA'),
  ];
}
