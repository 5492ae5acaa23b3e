// core/v1 Event. Events live for a while only.

import type { Event } from '../../../generated/schemas/core-v1.ts';
import { events } from '../../../generated/schemas/index.ts';
import { isDns1123Subdomain, isQualifiedName } from '../../../machinery/names.ts';
import { type Column, defineResource } from '../../../machinery/resource.ts';
import { nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';

const lengths = [
  ['reportingInstance', 128],
  ['action', 128],
  ['reason', 128],
] as const;

const firstSeen = (event: Event): string | undefined => event.eventTime ?? event.firstTimestamp;
const lastSeen = (event: Event): string | undefined =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);

function object(event: Event): string {
  const { kind = '', name = '' } = event.involvedObject ?? {};
  return name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

function source(event: Event): string {
  const component = event.source?.component || event.reportingComponent || '';
  const host = event.source?.host || event.reportingInstance || '';
  return host === '' ? component : `${component}, ${host}`;
}

const columns: Column<Event>[] = [
  { name: 'Last Seen', type: 'string', cell: (event) => ({ since: lastSeen(event) }) },
  { name: 'Type', type: 'string', cell: (event) => event.type ?? '' },
  { name: 'Reason', type: 'string', cell: (event) => event.reason ?? '' },
  { name: 'Object', type: 'string', cell: object },
  { name: 'Subobject', type: 'string', priority: 1, cell: (event) => event.involvedObject?.fieldPath ?? '' },
  { name: 'Source', type: 'string', priority: 1, cell: source },
  { name: 'Message', type: 'string', cell: (event) => (event.message ?? '').trim() },
  { name: 'First Seen', type: 'string', priority: 1, cell: (event) => ({ since: firstSeen(event) }) },
  { name: 'Count', type: 'string', priority: 1, cell: (event) => event.series?.count ?? (event.count || 1) },
  { ...nameColumn, priority: 1 },
];

export default defineResource<Event>({
  ...events,
  singular: 'event',
  shortNames: ['ev'],
  schema: 'io.k8s.api.core.v1.Event',
  strategy: {
    generation: false,
    allowCreateOnUpdate: true,
    defaults(event) {
      event.source ??= {};
      event.involvedObject ??= {};
      event.reportingComponent ??= '';
      event.reportingInstance ??= '';
    },
    validateName: () => [],
    validate(event) {
      const problems = new Problems();
      const { namespace = '' } = event.metadata;
      const involved = event.involvedObject?.namespace ?? '';
      const mismatch = (): void =>
        problems.invalid('involvedObject.namespace', involved, 'does not match event.namespace');
      if (!event.eventTime) {
        // An event about a cluster-scoped object lives in the default namespace.
        if (involved === '' ? namespace !== '' && namespace !== 'default' : namespace !== involved) mismatch();
      } else {
        if (involved === '' && namespace !== 'default' && namespace !== 'kube-system') mismatch();
        const controller = event.reportingComponent ?? '';
        if (controller === '') problems.required('reportingController');
        problems.invalidAll('reportingController', controller, isQualifiedName(controller));
        for (const [field, max] of lengths) {
          const value = event[field] ?? '';
          if (value === '') problems.required(field);
          if (value.length > max) problems.invalid(field, '', `can have at most ${max} characters`);
        }
        if ((event.message ?? '').length > 1024) problems.invalid('message', '', 'can have at most 1024 characters');
      }
      problems.invalidAll('namespace', namespace, isDns1123Subdomain(namespace));
      return problems.list;
    },
  },
  columns,
  selectableFields: {
    'involvedObject.kind': (event) => event.involvedObject?.kind ?? '',
    'involvedObject.namespace': (event) => event.involvedObject?.namespace ?? '',
    'involvedObject.name': (event) => event.involvedObject?.name ?? '',
    'involvedObject.uid': (event) => event.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (event) => event.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (event) => event.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (event) => event.involvedObject?.fieldPath ?? '',
    reason: (event) => event.reason ?? '',
    reportingComponent: (event) => event.reportingComponent ?? '',
    source: (event) => event.source?.component || event.reportingComponent || '',
    type: (event) => event.type ?? '',
  },
  timeToLiveMs: (config) => config.eventTtlMs,
});
