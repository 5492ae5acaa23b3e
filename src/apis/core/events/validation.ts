// Validation of events. Those that come as core/v1 are held to the old rules only, those that come as events.k8s.io/v1 to
// the new ones as well: a time, a type, a series that makes sense, none of the deprecated fields, and nothing but the series
// ever changes.
import type { Event } from '../../../generated/schemas/core-v1.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { isDns1123Subdomain, isQualifiedName } from '../../../machinery/names.ts';
import type { StrategyContext } from '../../../machinery/resource.ts';
import { deepEqual, validateImmutable } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';

const bytes = (text: string): number => new TextEncoder().encode(text).length;
const isStrict = ({ requested }: StrategyContext): boolean => requested.group !== '';

const labels = ['reportingInstance', 'action', 'reason'] as const;
const labelBytesMax = 128;
const messageBytesMax = 1024;

function legacy(event: Event, problems: Problems): void {
  const { namespace = '' } = event.metadata;
  const involved = event.involvedObject?.namespace ?? '';
  const mismatch = (): void => problems.invalid('involvedObject.namespace', involved, 'does not match event.namespace');
  if (!event.eventTime) {
    // An event about a cluster-scoped object lives in the default namespace.
    if (involved === '' ? namespace !== '' && namespace !== 'default' : namespace !== involved) mismatch();
  } else {
    if (involved === '' && namespace !== 'default' && namespace !== 'kube-system') mismatch();
    const controller = event.reportingComponent ?? '';
    if (controller === '') problems.required('reportingController');
    problems.invalidAll('reportingController', controller, isQualifiedName(controller));
    for (const field of labels) {
      const value = event[field] ?? '';
      if (value === '') problems.required(field);
      if (bytes(value) > labelBytesMax) problems.invalid(field, '', `can have at most ${labelBytesMax} characters`);
    }
    if (bytes(event.message ?? '') > messageBytesMax)
      problems.invalid('message', '', `can have at most ${messageBytesMax} characters`);
  }
  problems.invalidAll('namespace', namespace, isDns1123Subdomain(namespace));
}

function series({ series }: Event, problems: Problems): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) problems.invalid('series.count', '', 'should be at least 2');
  if (!series.lastObservedTime) problems.required('series.lastObservedTime');
}

/** Of creates and updates alike. */
export function validateEvent(event: Event, context: StrategyContext): FieldError[] {
  const problems = new Problems();
  legacy(event, problems);
  if (context.operation !== 'create' || !isStrict(context)) return problems.list;
  const { name = '' } = event.metadata;
  if (name !== '') problems.invalidAll('metadata.name', name, isDns1123Subdomain(name));
  series(event, problems);
  if (!event.eventTime) problems.required('eventTime');
  if (event.type !== 'Normal' && event.type !== 'Warning')
    problems.invalid('type', '', `has invalid value: ${event.type ?? ''}`);
  const unset = (field: string, value: unknown): void => {
    if (value) problems.invalid(field, '', 'needs to be unset');
  };
  unset('firstTimestamp', event.firstTimestamp);
  unset('lastTimestamp', event.lastTimestamp);
  unset('count', event.count);
  unset('source', event.source?.component || event.source?.host);
  return problems.list;
}

// By the names that messages have for them.
const immutable: readonly [string, (event: Event) => unknown][] = [
  ['involvedObject', (event) => event.involvedObject],
  ['reason', (event) => event.reason ?? ''],
  ['message', (event) => event.message ?? ''],
  ['source', (event) => event.source],
  ['firstTimestamp', (event) => event.firstTimestamp],
  ['lastTimestamp', (event) => event.lastTimestamp],
  ['count', (event) => event.count ?? 0],
  ['reason', (event) => event.reason ?? ''],
  ['type', (event) => event.type ?? ''],
  ['eventTime', (event) => event.eventTime],
  ['action', (event) => event.action ?? ''],
  ['related', (event) => event.related],
  ['reportingController', (event) => event.reportingComponent ?? ''],
  ['reportingInstance', (event) => event.reportingInstance ?? ''],
];

export function validateEventUpdate(event: Event, old: Event, context: StrategyContext): FieldError[] {
  if (!isStrict(context)) return [];
  const problems = new Problems();
  if (!deepEqual(event.series, old.series)) series(event, problems);
  for (const [field, read] of immutable) problems.addAll(validateImmutable(read(event), read(old), field));
  return problems.list;
}
