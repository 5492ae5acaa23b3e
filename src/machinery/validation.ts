// Validation of metadata (k8s.io/apimachinery/pkg/api/validation) and of what many kinds share, as lists of FieldErrors in
// upstream's words. Pure; the checks of single strings are in names.ts and re-exported here.

import type { FieldError } from './errors.ts';
import type { LabelSelector, ManagedFieldsEntry, ObjectMeta, OwnerReference } from './meta.ts';
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName } from './names.ts';

export * from './names.ts';

export const fieldImmutable = 'field is immutable';
export const annotationBytesMax = 256 * 1024;

export const required = (field: string, detail = ''): FieldError => ({ type: 'Required', field, detail });
export const invalid = (field: string, badValue: unknown, detail: string): FieldError => ({
  type: 'Invalid',
  field,
  badValue,
  detail,
});
export const forbidden = (field: string, detail: string): FieldError => ({ type: 'Forbidden', field, detail });
export const duplicate = (field: string, badValue: unknown): FieldError => ({ type: 'Duplicate', field, badValue });
export const tooLong = (field: string, bytesMax: number): FieldError => ({
  type: 'TooLong',
  field,
  detail: `may not be more than ${bytesMax} ${bytesMax === 1 ? 'byte' : 'bytes'}`,
});
export const tooMany = (field: string, actual: number, max: number): FieldError => ({
  type: 'TooMany',
  field,
  badValue: actual,
  detail: `must have at most ${max} ${max === 1 ? 'item' : 'items'}`,
});
export const notSupported = (field: string, badValue: unknown, supported: readonly string[]): FieldError => ({
  type: 'NotSupported',
  field,
  badValue,
  ...(supported.length === 0
    ? {}
    : { detail: `supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}` }),
});
const invalids = (field: string, badValue: unknown, messages: readonly string[]): FieldError[] =>
  messages.map((message) => invalid(field, badValue, message));

/** `isDns1123Label` and its like, as a check of one field. */
export function check(field: string, value: string, by: (value: string) => string[]): FieldError[] {
  return invalids(field, value, by(value));
}

/** Names and generateName prefixes: a prefix may end in '-', which something will follow. */
const named =
  (by: (value: string) => string[]) =>
  (name: string, prefix: boolean): string[] =>
    by(prefix && name.endsWith('-') && name.length > 1 ? `${name.slice(0, -1)}a` : name);
export const nameIsDnsSubdomain = named(isDns1123Subdomain);
export const nameIsDnsLabel = named(isDns1123Label);
/** For kinds whose name is only a path segment (RBAC, events of some controllers). */
export function isPathSegmentName(name: string, prefix: boolean): string[] {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const out: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {}))
    out.push(...invalids(field, key, isQualifiedName(key)), ...invalids(field, value, isLabelValue(value)));
  return out;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const out: FieldError[] = [];
  const encoder = new TextEncoder();
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    out.push(...invalids(field, key, isQualifiedName(key.toLowerCase())));
    size += encoder.encode(key).length + encoder.encode(value).length;
  }
  if (size > annotationBytesMax) out.push(tooLong(field, annotationBytesMax));
  return out;
}

/** A requirement as it came in: a field that the client left out is Go's empty value. */
type Requirement = { key: string; operator: string; values: string[] };

export function validateLabelSelector(selector: LabelSelector | undefined, field: string): FieldError[] {
  const out = validateLabels(selector?.matchLabels, `${field}.matchLabels`);
  (selector?.matchExpressions ?? []).forEach(({ key = '', operator = '', values = [] }: Partial<Requirement>, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    const count = values.length;
    switch (operator) {
      case 'In':
      case 'NotIn':
        if (count === 0) out.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (count > 0)
          out.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        break;
      default:
        out.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    }
    out.push(...invalids(`${at}.key`, key, isQualifiedName(key)));
    values.forEach((value, j) => {
      out.push(...invalids(`${at}.values[${j}]`, value, isLabelValue(value)));
    });
  });
  return out;
}

/** Members in the order of upstream's type, which is the order in messages. */
const inGoOrder = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: OwnerReference) => ({
  apiVersion,
  kind,
  name,
  uid,
  controller,
  blockOwnerDeletion,
});

export function validateOwnerReferences(
  references: readonly OwnerReference[] | undefined,
  field: string,
): FieldError[] {
  const out: FieldError[] = [];
  let controller = '';
  for (const reference of references ?? []) {
    const slash = reference.apiVersion.split('/');
    if (slash.length > 2 || slash.at(-1) === '')
      out.push(invalid(`${field}.apiVersion`, reference.apiVersion, 'version must not be empty'));
    for (const key of ['kind', 'name', 'uid'] as const)
      if (!reference[key]) out.push(invalid(`${field}.${key}`, reference[key] ?? '', 'must not be empty'));
    if (reference.apiVersion === 'v1' && reference.kind === 'Event')
      out.push(invalid(field, inGoOrder(reference), '/v1, Kind=Event is disallowed from being an owner'));
    if (reference.controller) {
      const name = `${reference.kind}/${reference.name}`;
      if (controller !== '')
        out.push(
          invalid(
            field,
            references?.map(inGoOrder),
            `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
          ),
        );
      else controller = name;
    }
  }
  return out;
}

export function validateFinalizers(finalizers: readonly string[] | undefined, field: string): FieldError[] {
  const out = (finalizers ?? []).flatMap((finalizer) => invalids(field, finalizer, isQualifiedName(finalizer)));
  if (finalizers?.includes('orphan') && finalizers.includes('foregroundDeletion'))
    out.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  return out;
}

const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Of a built-in kind: what is not qualified must be known. */
export function validateFinalizerNames(finalizers: readonly string[] | undefined, field: string): FieldError[] {
  return (finalizers ?? []).flatMap((finalizer, i) =>
    finalizer.includes('/') || standardFinalizers.has(finalizer)
      ? []
      : [invalid(`${field}[${i}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')],
  );
}

export function validateFieldManager(manager: string | undefined, field: string): FieldError[] {
  const out: FieldError[] = [];
  const value = manager ?? '';
  if (new TextEncoder().encode(value).length > 128) out.push(tooLong(field, 128));
  let position = 0;
  for (const character of value) {
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(character) || (/\p{Zs}/u.test(character) && character !== ' ')) {
      const code = character.codePointAt(0) as number;
      out.push(
        invalid(
          field,
          value,
          `invalid character U+${code.toString(16).toUpperCase().padStart(4, '0')} (at position ${position})`,
        ),
      );
    }
    position += new TextEncoder().encode(character).length;
  }
  return out;
}

export function validateManagedFields(entries: readonly ManagedFieldsEntry[] | undefined, field: string): FieldError[] {
  return (entries ?? []).flatMap((entry, i) => {
    const at = `${field}[${i}]`;
    const out: FieldError[] = [];
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      out.push(invalid(`${at}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`'));
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1')
      out.push(invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    out.push(...validateFieldManager(entry.manager, `${at}.manager`));
    if ((entry.subresource?.length ?? 0) > 256) out.push(tooLong(`${at}.subresource`, 256));
    return out;
  });
}

const shared = (meta: Partial<ObjectMeta>, field: string): FieldError[] => [
  ...validateLabels(meta.labels, `${field}.labels`),
  ...validateAnnotations(meta.annotations, `${field}.annotations`),
  ...validateOwnerReferences(meta.ownerReferences, `${field}.ownerReferences`),
];

export interface ObjectMetaRules {
  namespaced: boolean;
  /** Default: DNS subdomain. */
  validateName?: ((name: string, prefix: boolean) => string[]) | undefined;
}

/** Of an object about to be created or updated; names have been generated. */
export function validateObjectMeta(
  meta: Partial<ObjectMeta>,
  rules: ObjectMetaRules,
  field = 'metadata',
): FieldError[] {
  const byName = rules.validateName ?? nameIsDnsSubdomain;
  const out: FieldError[] = [];
  if (meta.generateName)
    out.push(...invalids(`${field}.generateName`, meta.generateName, byName(meta.generateName, true)));
  if (!meta.name) out.push(required(`${field}.name`, 'name or generateName is required'));
  else out.push(...invalids(`${field}.name`, meta.name, byName(meta.name, false)));
  if (!rules.namespaced) {
    if (meta.namespace) out.push(forbidden(`${field}.namespace`, 'not allowed on this type'));
  } else if (!meta.namespace) out.push(required(`${field}.namespace`));
  else out.push(...invalids(`${field}.namespace`, meta.namespace, isDns1123Label(meta.namespace)));
  if ((meta.generation ?? 0) < 0)
    out.push(invalid(`${field}.generation`, meta.generation, 'must be greater than or equal to 0'));
  return [
    ...out,
    ...shared(meta, field),
    ...validateFinalizers(meta.finalizers, `${field}.finalizers`),
    ...validateManagedFields(meta.managedFields, `${field}.managedFields`),
  ];
}

const immutableFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** Of an update, beside {@link validateObjectMeta}. Fields that the server fills in before have been filled in. */
export function validateObjectMetaUpdate(
  meta: Partial<ObjectMeta>,
  old: Partial<ObjectMeta>,
  field = 'metadata',
): FieldError[] {
  const out: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const had = new Set(old.finalizers);
    const extra = [...new Set(meta.finalizers ?? [])].filter((finalizer) => !had.has(finalizer)).sort();
    if (extra.length > 0)
      out.push(
        forbidden(
          `${field}.finalizers`,
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${extra.map((f) => JSON.stringify(f)).join(', ')}}`,
        ),
      );
  }
  if (!meta.resourceVersion)
    out.push(invalid(`${field}.resourceVersion`, meta.resourceVersion ?? '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (old.generation ?? 0))
    out.push(invalid(`${field}.generation`, meta.generation ?? 0, 'must not be decremented'));
  for (const key of immutableFields)
    if (meta[key] !== old[key]) out.push(invalid(`${field}.${key}`, meta[key] ?? null, fieldImmutable));
  return [...out, ...shared(meta, field), ...validateManagedFields(meta.managedFields, `${field}.managedFields`)];
}

export function validateImmutable(value: unknown, old: unknown, field: string): FieldError[] {
  return deepEqual(value, old) ? [] : [invalid(field, value ?? null, fieldImmutable)];
}

/** Of each value, whether it stood before. In one pass: a list may have a hundred thousand. */
export function repeats(values: readonly unknown[]): boolean[] {
  const seen = new Set<unknown>();
  return values.map((value) => seen.has(value) || !seen.add(value));
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

/** Equality of JSON values, absent, null and empty lists and maps being the same (upstream's Semantic.DeepEqual). */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (
    typeof a !== 'object' ||
    typeof b !== 'object' ||
    a === null ||
    b === null ||
    Array.isArray(a) !== Array.isArray(b)
  )
    return false;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => deepEqual(item, b[i]));
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left))
    if (!deepEqual(left[key], Object.hasOwn(right, key) ? right[key] : undefined)) return false;
  for (const key of Object.keys(right)) if (!Object.hasOwn(left, key) && !isEmpty(right[key])) return false;
  return true;
}
