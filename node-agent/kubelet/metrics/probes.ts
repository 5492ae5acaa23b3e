// /metrics/probes: results of probes.
import type { PodWorker } from '../../pods/worker.ts';
import type { ProbeCount } from '../../probes/worker.ts';
import type { Family } from '../prometheus.ts';
import { counter, identity, startTime } from './common.ts';

const results = { success: 'successful', failure: 'failed', unknown: 'unknown' } as const;

export function probeMetrics(
  workers: readonly (Pick<PodWorker, 'pod'> & { probeCounts(): Iterable<ProbeCount> })[],
  startedAtMs: number,
): Family[] {
  return [
    startTime(startedAtMs),
    counter(
      'prober_probe_total',
      '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
      workers.flatMap((w) =>
        [...w.probeCounts()].map(({ kind, outcome, container, count }) => ({
          labels: {
            container,
            ...identity(w),
            pod_uid: w.pod.metadata.uid,
            probe_type: kind[0]!.toUpperCase() + kind.slice(1),
            result: results[outcome],
          },
          value: count,
        })),
      ),
    ),
  ];
}
