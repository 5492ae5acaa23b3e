// Validation of a PersistentVolumeClaim (core/validation: ValidatePersistentVolumeClaimSpec, …Update, …StatusUpdate).

import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  TypedObjectReference,
} from '../../../generated/schemas/core-v1.ts';
import { goFormDiff, goFormOf } from '../../../machinery/diff.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../../../machinery/names.ts';
import { compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';
import { deepEqual, validateLabelSelector } from '../../../machinery/validation.ts';
import { fieldImmutableMessage, isNegativeMessage, keyed, type Problems } from '../../problems.ts';
import { labelSelectorForm } from '../go-forms.ts';
import { classAnnotation, validateAccessModes, volumeModes } from '../persistentvolumes/access.ts';
import { validatePositive, validateSize } from '../persistentvolumes/validation.ts';
import { isNative } from '../podspec/resources.ts';

function validateSource(
  problems: Problems,
  path: string,
  source: TypedObjectReference | undefined,
  checkGroup: boolean,
): void {
  if (!source) return;
  if (!source.name) problems.required(`${path}.name`);
  if (!source.kind) problems.required(`${path}.kind`);
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim')
    problems.invalid(path, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  if (source.apiGroup && checkGroup)
    problems.invalidAll(`${path}.apiGroup`, source.apiGroup, isDns1123Subdomain(source.apiGroup));
  if (source.namespace) problems.invalidAll(`${path}.namespace`, source.namespace, isDns1123Label(source.namespace));
}

/** `old`: what it had before may stay, even where it could not be made so now. */
export function validateClaimSpec(
  problems: Problems,
  path: string,
  spec: PersistentVolumeClaimSpec,
  old?: PersistentVolumeClaimSpec,
): void {
  if (!spec.accessModes?.length) problems.required(`${path}.accessModes`, 'at least 1 access mode is required');
  problems.addAll(validateLabelSelector(spec.selector, `${path}.selector`));
  validateAccessModes(problems, `${path}.accessModes`, spec.accessModes ?? []);
  const size = spec.resources?.requests?.storage;
  if (size === undefined) problems.required(`${path}.resources[storage]`);
  else validatePositive(problems, `${path}.resources[storage]`, size);
  for (const field of ['storageClassName', 'volumeAttributesClassName'] as const) {
    const name = spec[field];
    if (name) problems.invalidAll(`${path}.${field}`, name, isDns1123Subdomain(name));
    if (field === 'storageClassName') validateModeAndSources(problems, path, spec, old);
  }
}

function validateModeAndSources(
  problems: Problems,
  path: string,
  spec: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec | undefined,
): void {
  if (spec.volumeMode !== undefined) problems.oneOf(`${path}.volumeMode`, spec.volumeMode, volumeModes, 'unsupported');
  const { dataSource, dataSourceRef } = spec;
  const checkGroup = old?.dataSource?.apiGroup === undefined && old?.dataSourceRef?.apiGroup === undefined;
  validateSource(problems, `${path}.dataSource`, dataSource, checkGroup);
  validateSource(problems, `${path}.dataSourceRef`, dataSourceRef, checkGroup);
  if (!dataSource || !dataSourceRef) return;
  // Upstream shows an empty value: it hands over a path.
  if (dataSourceRef.namespace)
    problems.invalid(path, {}, 'may not be specified when dataSourceRef.namespace is specified');
  else if ((['apiGroup', 'kind', 'name'] as const).some((field) => dataSource[field] !== dataSourceRef[field]))
    problems.invalid(path, {}, 'must match dataSourceRef');
}

const claimForm = [
  'AccessModes:accessModes=p',
  `Selector:selector{${labelSelectorForm}}`,
  'Resources:resources[Limits:limits=p Requests:requests=p]',
  'VolumeName:volumeName=s',
  'StorageClassName:storageClassName=p',
  'VolumeMode:volumeMode=p',
  'DataSource:dataSource{APIGroup:apiGroup=p Kind:kind=s Name:name=s}',
  'DataSourceRef:dataSourceRef{APIGroup:apiGroup=p Kind:kind=s Name:name=s Namespace:namespace=p}',
  'VolumeAttributesClassName:volumeAttributesClassName=p',
].join(' ');

/** The specs of both with all that may change made equal. */
function comparable(problems: Problems, claim: PersistentVolumeClaim, old: PersistentVolumeClaim) {
  const now = structuredClone(claim.spec);
  const before = structuredClone(old.spec);
  if (!before.volumeName && now.volumeName) before.volumeName = now.volumeName;
  const [annotated, annotatedNow] = [old, claim].map(({ metadata }) => metadata.annotations?.[classAnnotation]);
  // From the annotation of old to the field, or from no class to one.
  const upgraded =
    annotated !== undefined &&
    before.storageClassName === undefined &&
    now.storageClassName === annotated &&
    (annotatedNow === undefined || annotatedNow === annotated);
  if (upgraded) delete now.storageClassName;
  else {
    if (annotatedNow !== annotated)
      problems.invalid(`metadata.annotations[${classAnnotation}]`, annotatedNow ?? '', fieldImmutableMessage);
    const named = now.storageClassName !== undefined && before.storageClassName === undefined;
    if (named && (annotated === undefined || annotated === now.storageClassName)) delete now.storageClassName;
  }
  if (claim.status?.phase === 'Bound') {
    const requests = now.resources?.requests;
    // Go's zero value of a quantity.
    if (requests) requests.storage = before.resources?.requests?.storage ?? '0';
    if (before.volumeAttributesClassName === undefined) delete now.volumeAttributesClassName;
    else now.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  return { now, before };
}

export function validateClaimUpdate(
  problems: Problems,
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): void {
  const { now, before } = comparable(problems, claim, old);
  const [formBefore, formNow] = [before, now].map((spec) => goFormOf(claimForm, spec)) as [object, object];
  if (!deepEqual(formNow, formBefore))
    problems.forbidden(
      'spec',
      `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${goFormDiff(formBefore, formNow)}`,
    );
  const size = claim.spec.resources?.requests?.storage ?? '0';
  if (
    compareQuantities(size, old.spec.resources?.requests?.storage ?? '0') < 0 &&
    compareQuantities(size, old.status?.capacity?.storage ?? '0') <= 0
  )
    // What was asked for may shrink again, as long as it stays above what there is.
    problems.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity');
  if (claim.spec.volumeMode !== old.spec.volumeMode)
    problems.invalid('volumeMode', claim.spec.volumeMode ?? null, fieldImmutableMessage);
  const attributes = claim.spec.volumeAttributesClassName;
  if (attributes !== old.spec.volumeAttributesClassName && old.status?.currentVolumeAttributesClassName !== undefined) {
    const to = attributes === undefined ? 'nil' : attributes === '' ? 'empty string' : undefined;
    if (to)
      problems.forbidden(
        'spec.volumeAttributesClassName',
        `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`,
      );
  }
}

const resizeStatuses = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort();

/** False when it is no resource of claims. */
function validateResourceName(problems: Problems, path: string, name: string): boolean {
  const wrong = isQualifiedName(name);
  problems.invalidAll(path, name, wrong);
  if (wrong.length > 0) return false;
  if (!isNative(name) || name === 'storage') return true;
  problems.notSupported(path, name, ['storage']);
  return false;
}

export function validateClaimStatus(problems: Problems, claim: PersistentVolumeClaim): void {
  if (!claim.spec?.accessModes?.length) problems.required('Spec.accessModes');
  for (const [name, quantity] of Object.entries(claim.status?.capacity ?? {}))
    validateSize(problems, keyed('status.capacity', name), quantity);
  for (const [name, status] of Object.entries(claim.status?.allocatedResourceStatuses ?? {})) {
    const at = 'status.allocatedResourceStatuses';
    validateResourceName(problems, at, name);
    // Upstream names the resource here, not the status.
    if (!resizeStatuses.includes(status)) problems.notSupported(at, name, resizeStatuses);
  }
  for (const [name, quantity] of Object.entries(claim.status?.allocatedResources ?? {})) {
    const at = 'status.allocatedResources';
    if (!validateResourceName(problems, at, name)) continue;
    const found = problems.list.length;
    validateSize(problems, keyed(at, name), quantity);
    if (problems.list.length === found && compareQuantities(quantity, '0') < 0)
      problems.invalid(keyed(at, name), formatQuantity(quantity), isNegativeMessage);
  }
}
