// The query parameters and option bodies of writes (meta/v1 CreateOptions, UpdateOptions, PatchOptions, DeleteOptions),
// checked as upstream checks them.
import { errors, type FieldError } from '../../machinery/errors.ts';
import type { DeleteOptions } from './delete.ts';

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  fieldManager: string;
}

const fieldManagerMax = 128;

function dryRunProblems(values: readonly string[]): FieldError[] {
  return values.every((value) => value === 'All')
    ? []
    : [{ type: 'NotSupported', field: 'dryRun', badValue: values.join(','), detail: 'supported values: "All"' }];
}

/** Of a create, update or patch. `kind`: the options' kind, for the message. Throws Invalid. */
export function writeOptions(kind: string, query: URLSearchParams): WriteOptions {
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const problems = dryRunProblems(dryRun);
  const fieldManager = query.get('fieldManager') ?? '';
  if (fieldManager.length > fieldManagerMax)
    problems.push({ type: 'TooLong', field: 'fieldManager', detail: `may not be more than ${fieldManagerMax} bytes` });
  else if (!/^[\x20-\x7e\u00a1-\uffff]*$/.test(fieldManager))
    problems.push({
      type: 'Invalid',
      field: 'fieldManager',
      badValue: fieldManager,
      detail: 'should only contain printable characters',
    });
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict') {
    problems.push({
      type: 'NotSupported',
      field: 'fieldValidation',
      badValue: fieldValidation,
      detail: 'supported values: "Ignore", "Warn", "Strict"',
    });
    throw errors.invalid('meta.k8s.io', kind, '', problems);
  }
  if (problems.length > 0) throw errors.invalid('meta.k8s.io', kind, '', problems);
  return { dryRun: dryRun.length > 0, fieldValidation, fieldManager };
}

const policies = ['Orphan', 'Background', 'Foreground'] as const;
type Policy = (typeof policies)[number];

const integer = (text: string | null): number | undefined => {
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text))
    throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
};

/** DeleteOptions out of the body, which goes first, or the query. Throws BadRequest or Invalid. */
export function deleteOptions(
  body: Record<string, unknown> | undefined,
  query: URLSearchParams,
): DeleteOptions & { dryRun: boolean; orphanDependents?: boolean } {
  const problems: FieldError[] = [];
  let grace: number | undefined;
  let policy: string | undefined;
  let orphan: boolean | undefined;
  let dryRun: string[];
  let uid: string | undefined;
  let resourceVersion: string | undefined;
  if (body) {
    if (body.kind !== undefined && body.kind !== 'DeleteOptions')
      throw errors.badRequest(`decoded object cannot be converted to DeleteOptions`);
    const wrong = (field: string, want: string) =>
      errors.badRequest(
        `DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal ${field}: want ${want}`,
      );
    const read = <T>(field: string, type: string): T | undefined => {
      const value = body[field];
      if (value === undefined || value === null) return undefined;
      if (typeof value !== type) throw wrong(field, type);
      return value as T;
    };
    grace = read<number>('gracePeriodSeconds', 'number');
    if (grace !== undefined && !Number.isSafeInteger(grace)) throw wrong('gracePeriodSeconds', 'integer');
    policy = read<string>('propagationPolicy', 'string');
    orphan = read<boolean>('orphanDependents', 'boolean');
    const preconditions = read<Record<string, unknown>>('preconditions', 'object');
    const text = (value: unknown) => {
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'string') throw wrong('preconditions', 'string');
      return value;
    };
    uid = text(preconditions?.uid);
    resourceVersion = text(preconditions?.resourceVersion);
    const list = body.dryRun ?? [];
    if (!Array.isArray(list) || !list.every((value) => typeof value === 'string'))
      throw wrong('dryRun', 'array of string');
    dryRun = list;
  } else {
    grace = integer(query.get('gracePeriodSeconds'));
    policy = query.get('propagationPolicy') || undefined;
    const orphanText = query.get('orphanDependents');
    orphan = orphanText === null || orphanText === '' ? undefined : orphanText === 'true' || orphanText === '1';
    dryRun = query.getAll('dryRun').filter((value) => value !== '');
  }
  if (grace !== undefined && grace < 0) grace = 1;
  problems.push(...dryRunProblems(dryRun));
  if (policy !== undefined && orphan !== undefined)
    problems.push({
      type: 'Invalid',
      field: 'propagationPolicy',
      badValue: policy,
      detail: 'orphanDependents and deletionPropagation cannot be both set',
    });
  if (policy !== undefined && !policies.includes(policy as Policy))
    problems.push({
      type: 'NotSupported',
      field: 'propagationPolicy',
      badValue: policy,
      detail: 'supported values: "Background", "Foreground", "Orphan"',
    });
  if (problems.length > 0) throw errors.invalid('', 'DeleteOptions', '', problems);
  if (orphan !== undefined) policy = orphan ? 'Orphan' : 'Background';
  return {
    dryRun: dryRun.length > 0,
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === undefined ? {} : { propagationPolicy: policy as Policy }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
