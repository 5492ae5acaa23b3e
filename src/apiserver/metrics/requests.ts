// Requests as upstream counts them: how many by verb, resource, scope and code, how long they took, how many are under way.
// Only what is served is counted by name, so that no client can make up series.
import type { AnyResource } from '../../machinery/resource.ts';
import type { VirtualResource } from '../rest/virtual.ts';
import type { RequestInfo } from '../routing.ts';
import { type Cell, Counter, type Family, gauge, Histogram, labels, type Series } from './families.ts';

const durationBounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

const verbs: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};
const readOnly = new Set(['get', 'list', 'watch', 'head']);
const pages = new Set([
  '/',
  '/api',
  '/apis',
  '/version',
  '/metrics',
  '/livez',
  '/readyz',
  '/healthz',
  '/openapi/v2',
  '/openapi/v3',
]);

/** One combination of labels but the code; the counts by code. */
interface Route {
  labels: Record<string, string>;
  byCode: Map<number, Cell>;
  duration: Series | undefined;
}

interface Place {
  group: string;
  version: string;
  resource: string;
  subresource: string;
  connect: boolean;
  routes: Map<string, Route>;
}

export class RequestMetrics {
  readonly #total = new Counter(
    'apiserver_request_total',
    '[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
  );
  readonly #duration = new Histogram(
    'apiserver_request_duration_seconds',
    '[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    durationBounds,
  );
  readonly #inflight = { mutating: 0, readOnly: 0 };
  readonly #places = new Map<string, Place>();
  readonly families: readonly Family[];

  constructor(definitions: readonly AnyResource[], virtual: readonly VirtualResource[]) {
    const add = (group: string, version: string, resource: string, subresource: string, connect: boolean) =>
      this.#places.set(`${group}/${version}/${resource}/${subresource}`, {
        ...{ group, version, resource, subresource, connect },
        routes: new Map(),
      });
    for (const { group, version, plural, subresources = [] } of definitions) {
      add(group, version, plural, '', false);
      for (const { name, behaviour } of subresources) add(group, version, plural, name, behaviour.type === 'connect');
    }
    for (const { group, version, plural } of virtual) add(group, version, plural, '', false);
    for (const path of pages) add('', '', '', path, false);
    this.families = [
      this.#total,
      this.#duration,
      gauge(
        'apiserver_current_inflight_requests',
        '[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        () => Object.entries(this.#inflight).map(([kind, count]) => [labels({ request_kind: kind }), count] as const),
      ),
    ];
  }

  /** A request has come; the function that is returned takes its answer's code and duration. Undefined `info`: no path at all. */
  begin(info: RequestInfo | undefined): (code: number, seconds: number) => void {
    const kind = info && !readOnly.has(info.verb) ? 'mutating' : 'readOnly';
    this.#inflight[kind]++;
    return (code, seconds) => {
      this.#inflight[kind]--;
      if (info) this.#observe(info, code, seconds);
    };
  }

  #observe(info: RequestInfo, code: number, seconds: number): void {
    const place = info.isResource
      ? this.#places.get(`${info.group}/${info.version}/${info.resource}/${info.subresource}`)
      : this.#places.get(`///${info.path}`);
    const verb = info.isResource ? verbs[info.verb] : info.verb === 'get' ? 'GET' : undefined;
    if (!place || !verb) return;
    const scope = !info.isResource
      ? ''
      : info.name !== '' || info.verb === 'create'
        ? 'resource'
        : info.namespace !== ''
          ? 'namespace'
          : 'cluster';
    const key = `${verb} ${scope}`;
    let route = place.routes.get(key);
    if (!route) {
      route = this.#route(place, place.connect ? 'CONNECT' : verb, scope);
      place.routes.set(key, route);
    }
    let cell = route.byCode.get(code);
    if (!cell) {
      cell = this.#total.cell(labels({ code, ...route.labels }));
      route.byCode.set(code, cell);
    }
    cell.count++;
    route.duration?.observe(seconds);
  }

  #route({ group, version, resource, subresource }: Place, verb: string, scope: string): Route {
    const own = { component: 'apiserver', dry_run: '', group, resource, scope, subresource, verb, version };
    // What lasts as long as its client likes would only say so.
    const lasting = verb === 'WATCH' || verb === 'CONNECT';
    return { labels: own, byCode: new Map(), duration: lasting ? undefined : this.#duration.series(labels(own)) };
  }
}
