// EventRateLimit: so many Events of a namespace, a user, a source and object, or all together. As upstream every limit counts
// each, and a dry run counts nowhere. It is off unless it is configured.
import type { EventLimit, EventRateLimit } from '../../configuration/event-rate-limit.ts';
import { errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { TokenBuckets } from '../../machinery/token-bucket.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

interface EventParts extends KubeObject {
  source?: { component?: string; host?: string };
  involvedObject?: Partial<Record<'kind' | 'namespace' | 'name' | 'uid' | 'apiVersion', string>>;
}

const keyOf: Readonly<Record<EventLimit['type'], (request: AdmissionRequest) => string>> = {
  Server: () => '',
  Namespace: ({ namespace }) => namespace,
  User: ({ user }) => user.name,
  SourceAndObject({ object }) {
    const { source = {}, involvedObject: about = {} } = object as EventParts;
    return [source.component, source.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion]
      .map((part) => part ?? '')
      .join('');
  },
};

export function eventRateLimit({ limits }: EventRateLimit): AdmissionPlugin {
  const buckets = limits.map((limit) => ({
    limit,
    buckets: new TokenBuckets(limit, limit.type === 'Server' ? 1 : limit.cacheSize),
  }));
  return {
    name: 'EventRateLimit',
    validate(request) {
      const { definition, subresource, operation, dryRun, context } = request;
      if (definition.kind !== 'Event' || subresource !== '' || dryRun) return;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return;
      const nowMs = context.clock.now();
      const reached = buckets.flatMap(({ limit: { type }, buckets: of }) => {
        const key = keyOf[type](request);
        return of.of(key, nowMs).take(nowMs) ? [] : [`limit reached on type ${type} for key ${key}`];
      });
      if (reached.length === 0) return;
      const text = reached.length === 1 ? reached[0] : `[${reached.join(', ')}]`;
      throw errors.tooManyRequests(String(text));
    },
  };
}
