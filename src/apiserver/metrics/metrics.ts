// /metrics: what the API server counts, under upstream's names where upstream has one. Others add families of their own.

import type { Ledger } from '../../ledger/types.ts';
import { HttpAnswer } from '../../machinery/http.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { VirtualResource } from '../rest/virtual.ts';
import { keyRange } from '../storage/read.ts';
import type { WatchHub } from '../watch/hub.ts';
import { exposition, type Family, gauge, labels } from './families.ts';
import { RequestMetrics } from './requests.ts';

export interface MetricsOptions {
  ledger: Ledger;
  definitions: readonly AnyResource[];
  virtual: readonly VirtualResource[];
  hub: Pick<WatchHub, 'counts'>;
  gitVersion: string;
  startedMs: number;
}

export class Metrics {
  readonly requests: RequestMetrics;
  readonly #families: Family[];

  constructor(options: MetricsOptions) {
    this.requests = new RequestMetrics(options.definitions, options.virtual);
    this.#families = [...this.requests.families, ...serverFamilies(options)];
  }

  /** What is shown from now on as well: queues, flow control, whatever a part of the server counts. */
  add(...families: Family[]): void {
    this.#families.push(...families);
  }

  answer(): HttpAnswer {
    return new HttpAnswer(exposition(this.#families), {
      headers: {
        'Content-Type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
        'Cache-Control': 'no-cache, private',
      },
    });
  }
}

function serverFamilies({ ledger, definitions, hub, gitVersion, startedMs }: MetricsOptions): Family[] {
  const stored = definitions.filter(({ conversion }) => !conversion);
  const byGroupResource = new Map(stored.map((definition) => [groupResource(definition), definition]));
  const count = (definition: AnyResource) => ledger.count(keyRange(definition));
  return [
    gauge(
      'apiserver_longrunning_requests',
      '[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
      () =>
        [...hub.counts()].map(([resource, watches]) => {
          const { group = '', version = '', plural = resource } = byGroupResource.get(resource) ?? {};
          const own = {
            component: 'apiserver',
            group,
            resource: plural,
            scope: '',
            subresource: '',
            verb: 'WATCH',
            version,
          };
          return [labels(own), watches];
        }),
    ),
    gauge(
      'apiserver_storage_objects',
      '[STABLE] [DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind.',
      () => stored.map((definition) => [labels({ resource: groupResource(definition) }), count(definition)]),
    ),
    gauge(
      'apiserver_resource_objects',
      '[ALPHA] Number of stored objects at the time of last check split by kind.',
      () =>
        stored.map((definition) => [
          labels({ group: definition.group, resource: definition.plural }),
          count(definition),
        ]),
    ),
    gauge(
      'apiserver_storage_size_bytes',
      '[STABLE] Size of the storage database file physically allocated in bytes.',
      () => {
        const { liveBytes, historyBytes } = ledger.size();
        return [[labels({ storage_cluster_id: 'ledger' }), liveBytes + historyBytes]];
      },
    ),
    gauge('tiffin_ledger_bytes', 'Bytes of values in the ledger: live, and history that is not compacted yet.', () => {
      const { liveBytes, historyBytes } = ledger.size();
      return [
        [labels({ part: 'live' }), liveBytes],
        [labels({ part: 'history' }), historyBytes],
      ];
    }),
    gauge('tiffin_ledger_rows', 'Rows of the ledger, live and history.', () => [['', ledger.size().rows]]),
    gauge('tiffin_ledger_revision', 'The newest revision of the ledger.', () => [['', ledger.revision]]),
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => [
      ['', startedMs / 1000],
    ]),
    gauge(
      'kubernetes_build_info',
      "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      () => [[labels({ git_version: gitVersion, major: '1', minor: '36', platform: 'workerd' }), 1]],
    ),
  ];
}
