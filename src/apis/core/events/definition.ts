// core/v1 Event. Events live for a while only.

import type { Event } from '../../../generated/schemas/core-v1.ts';
import { events } from '../../../generated/schemas/index.ts';
import { type Column, defineResource } from '../../../machinery/resource.ts';
import { nameColumn } from '../../columns.ts';
import { validateEvent, validateEventUpdate } from './validation.ts';

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
  {
    name: 'Last Seen',
    type: 'string',
    doc: 'core.v1.Event.lastTimestamp',
    cell: (event) => ({ since: lastSeen(event) }),
  },
  { name: 'Type', type: 'string', doc: 'core.v1.Event.type', cell: (event) => event.type ?? '' },
  { name: 'Reason', type: 'string', doc: 'core.v1.Event.reason', cell: (event) => event.reason ?? '' },
  { name: 'Object', type: 'string', doc: 'core.v1.Event.involvedObject', cell: object },
  {
    name: 'Subobject',
    type: 'string',
    priority: 1,
    doc: 'core.v1.ObjectReference.fieldPath',
    cell: (event) => event.involvedObject?.fieldPath ?? '',
  },
  { name: 'Source', type: 'string', priority: 1, doc: 'core.v1.Event.source', cell: source },
  { name: 'Message', type: 'string', doc: 'core.v1.Event.message', cell: (event) => (event.message ?? '').trim() },
  {
    name: 'First Seen',
    type: 'string',
    priority: 1,
    doc: 'core.v1.Event.firstTimestamp',
    cell: (event) => ({ since: firstSeen(event) }),
  },
  {
    name: 'Count',
    type: 'string',
    priority: 1,
    doc: 'core.v1.Event.count',
    cell: (event) => event.series?.count ?? (event.count || 1),
  },
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
    validate: validateEvent,
    validateUpdate: validateEventUpdate,
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
