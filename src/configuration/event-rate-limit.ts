// Upstream's Configuration of the EventRateLimit admission plugin, which is off without it.
import type { FieldError } from '../machinery/errors.ts';
import { invalid, notSupported } from '../machinery/validation.ts';
import { Fields } from './fields.ts';

const eventLimitTypes = ['Server', 'Namespace', 'User', 'SourceAndObject'] as const;

export interface EventLimit {
  readonly type: (typeof eventLimitTypes)[number];
  readonly qps: number;
  readonly burst: number;
  /** Keys that are told apart at once. */
  readonly cacheSize: number;
}

export interface EventRateLimit {
  readonly limits: readonly EventLimit[];
}

const cacheSizeDefault = 4096;
const int32Max = 2 ** 31 - 1;

export const eventRateLimit = {
  key: 'eventRateLimit',
  group: 'eventratelimit.admission.k8s.io',
  versions: ['v1alpha1'],
  kind: 'Configuration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): EventRateLimit {
    const fields = new Fields(document, '', ['apiVersion', 'kind', 'limits'], problems);
    const limits = fields.children('limits', ['type', 'qps', 'burst', 'cacheSize']).map(readLimit);
    if (limits.length === 0) problems.push(invalid('limits', [], 'must not be empty'));
    return { limits };
  },
} as const;

function readLimit(fields: Fields): EventLimit {
  const type = fields.text('type') as EventLimit['type'];
  if (!eventLimitTypes.includes(type))
    fields.problem(notSupported(fields.path('type'), type, [...eventLimitTypes].sort()));
  const integer = (field: string, absent = 0) => fields.integer(field, absent, -int32Max, int32Max);
  const [burst, qps, cacheSize] = [integer('burst'), integer('qps'), integer('cacheSize')];
  if (burst <= 0) fields.problem(invalid(fields.path('burst'), burst, 'must be positive'));
  if (qps <= 0) fields.problem(invalid(fields.path('qps'), qps, 'must be positive'));
  if (type !== 'Server' && cacheSize < 0)
    fields.problem(invalid(fields.path('cacheSize'), cacheSize, 'must not be negative'));
  return { type, qps, burst, cacheSize: cacheSize || cacheSizeDefault };
}
