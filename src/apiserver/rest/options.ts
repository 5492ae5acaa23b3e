// The query parameters and option bodies of writes (meta/v1 CreateOptions, UpdateOptions, PatchOptions, DeleteOptions),
// checked as upstream checks them.
import { errors, type FieldError } from '../../machinery/errors.ts';
import { forbidden, invalid, notSupported, required, validateFieldManager } from '../../machinery/validation.ts';
import type { DeleteOptions } from './delete.ts';

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  fieldManager: string;
  /** Of an apply: take fields over from other managers. */
  force: boolean;
}

const validations = ['', 'Ignore', 'Strict', 'Warn'] as const;

const dryRunProblems = (values: readonly string[]): FieldError[] =>
  values.every((value) => value === 'All') ? [] : [notSupported('dryRun', values, ['All'])];

/** As upstream reads booleans of a query: whatever is there and says neither false nor 0. */
const flag = (text: string | null): boolean | undefined =>
  text === null ? undefined : text !== '0' && text.toLowerCase() !== 'false';

const refuse = (kind: string, problems: readonly FieldError[]): void => {
  if (problems.length > 0) throw errors.invalid('meta.k8s.io', kind, '', problems);
};

/** Of a create, update or patch. `kind`: the options' kind, for the message. Throws Invalid. */
export function writeOptions(
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  query: URLSearchParams,
  apply = false,
): WriteOptions {
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const fieldValidation = query.get('fieldValidation') ?? '';
  const force = kind === 'PatchOptions' ? flag(query.get('force')) : undefined;
  const known = validations.find((one) => one === fieldValidation);
  refuse(kind, [
    ...(apply && fieldManager === '' ? [required('fieldManager', 'is required for apply patch')] : []),
    ...(!apply && force !== undefined ? [forbidden('force', 'may not be specified for non-apply patch')] : []),
    ...validateFieldManager(fieldManager, 'fieldManager'),
    ...dryRunProblems(dryRun),
    ...(known === undefined ? [notSupported('fieldValidation', fieldValidation, validations)] : []),
  ]);
  return { dryRun: dryRun.length > 0, fieldValidation: known || 'Warn', fieldManager, force: force ?? false };
}

const policies = ['Foreground', 'Background', 'Orphan'] as const;
type Policy = (typeof policies)[number];

const int64 = (text: string | null): number | undefined => {
  if (text === null) return undefined;
  const refused = (why: string) => errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text)) throw refused('invalid syntax');
  const value = BigInt(text.replace('+', ''));
  if (BigInt.asIntN(64, value) !== value) throw refused('value out of range');
  return Number(value);
};

/** A DeleteOptions body that its schema has accepted. */
interface DeleteOptionsBody {
  gracePeriodSeconds?: number;
  propagationPolicy?: string;
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

/** DeleteOptions out of the body, if there is one, otherwise the query. Throws BadRequest or Invalid. */
export function deleteOptions(
  body: Record<string, unknown> | undefined,
  query: URLSearchParams,
): DeleteOptions & { dryRun: boolean; orphanDependents?: boolean } {
  const given: DeleteOptionsBody = body ?? fromQuery(query);
  const { propagationPolicy: policy, orphanDependents: orphan, dryRun = [], preconditions } = given;
  const known = policies.find((one) => one === policy);
  refuse('DeleteOptions', [
    ...(policy !== undefined && orphan !== undefined
      ? [invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set')]
      : []),
    ...(policy !== undefined && !known ? [notSupported('propagationPolicy', policy, [...policies, 'nil'])] : []),
    ...dryRunProblems(dryRun),
  ]);
  const propagation: Policy | undefined = orphan === undefined ? known : orphan ? 'Orphan' : 'Background';
  const grace = given.gracePeriodSeconds;
  return {
    dryRun: dryRun.length > 0,
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    // Less than nothing is as little as there can be.
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace < 0 ? 1 : grace }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
    ...(preconditions?.uid === undefined ? {} : { uid: preconditions.uid }),
    ...(preconditions?.resourceVersion === undefined ? {} : { resourceVersion: preconditions.resourceVersion }),
  };
}

function fromQuery(query: URLSearchParams): DeleteOptionsBody {
  const grace = int64(query.get('gracePeriodSeconds'));
  const policy = query.get('propagationPolicy');
  const orphan = flag(query.get('orphanDependents'));
  const uid = query.get('uid');
  const resourceVersion = query.get('resourceVersion');
  return {
    dryRun: query.getAll('dryRun'),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    preconditions: { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
  };
}
