// Updating an object as a whole, or the part of it that a subresource owns. A patch ends here too. An update that changes
// nothing writes nothing; one that clears the last finalizer of an object being deleted deletes it.
import { type ApiError, errors, type FieldError } from '../../machinery/errors.ts';
import { sameButForTimes } from '../../machinery/managed/index.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { deepEqual as semanticallyEqual } from '../../machinery/validation.ts';
import { decode, storedMetadata, unwritten, written } from '../storage/codec.ts';
import { findEntry } from '../storage/read.ts';
import { keepCompanions } from './companions.ts';
import { create, matchName, matchTarget } from './create.ts';
import { managedFieldsOf } from './managed.ts';
import { dropDuplicateOwners, validateMetadataUpdate } from './metadata.ts';
import {
  admissionRequest,
  authorizeContent,
  contextOf,
  type Draft,
  type WriteScope,
  type Written,
  warn,
} from './scope.ts';
import { conflict, put, remove } from './store.ts';

/** `draft` has been decoded and defaulted. */
export function update(scope: WriteScope, draft: Draft): Written {
  matchTarget(scope, draft);
  matchName(scope, draft);
  const { definition } = scope;
  const entry = findEntry(definition, scope.tx, scope.namespace, scope.name);
  if (!entry) {
    if (!definition.strategy.allowCreateOnUpdate || scope.subresource)
      throw errors.notFound(scope.requested, scope.name);
    if (draft.metadata.uid) throw uidMismatch(scope, draft.metadata.uid, '');
    scope.mayCreate?.();
    draft.metadata.resourceVersion = '';
    return create(scope, draft);
  }
  return replace(scope, draft, decode(definition, entry.value), entry.revision);
}

/** Puts `draft` in the place of `old`, which is live at `revision`. */
export function replace(scope: WriteScope, draft: Draft, old: KubeObject, revision: number): Written {
  const { definition, core } = scope;
  const { strategy } = definition;
  requireRevision(scope, draft.metadata, revision);
  const context = contextOf(scope, 'update');
  const managedFields = managedFieldsOf(scope, draft, old);
  unwritten(draft);
  carryMetadata(draft.metadata, old.metadata);
  draft.metadata.managedFields = managedFields;

  core.admission.admit(admissionRequest(scope, 'UPDATE', context, { object: draft, old }));
  if (!scope.subresource) authorizeContent(scope, context, draft, old);
  dropDuplicateOwners(scope, draft.metadata, true);
  const part = scope.subresource?.behaviour.type === 'part' ? scope.subresource.behaviour : undefined;
  if (part) part.prepareForUpdate(draft, old, context);
  else strategy.prepareForUpdate?.(draft, old, context);
  if (strategy.generation !== false && !part && specChanged(draft, old))
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1;

  const problems = validateAll(scope, draft, old, context);
  if (problems.length > 0) throw errors.invalid(definition.group, definition.kind, old.metadata.name, problems);
  for (const message of (part ?? strategy).warnings?.(draft, old) ?? []) warn(scope, message);
  core.admission.validate(admissionRequest(scope, 'UPDATE', context, { object: draft, old }));

  if (isFinished(scope, draft)) {
    keepCompanions(scope, undefined, old);
    return remove(scope, draft, revision);
  }
  if (unchanged(draft, old, revision)) return { object: written(old) };
  const replaced = put(scope, draft, revision);
  keepCompanions(scope, draft, old);
  return replaced;
}

function validateAll(scope: WriteScope, draft: Draft, old: KubeObject, context: StrategyContext): FieldError[] {
  const { definition, subresource } = scope;
  const { strategy } = definition;
  const part = subresource?.behaviour.type === 'part' ? subresource.behaviour : undefined;
  const whole = strategy.revalidatesMetadata === true && !part;
  const problems = validateMetadataUpdate(definition, draft.metadata, old.metadata, whole);
  if (part) return [...problems, ...(part.validateUpdate?.(draft, old, context) ?? [])];
  return [
    ...problems,
    ...(strategy.validate?.(draft, context) ?? []),
    ...(strategy.validateUpdate?.(draft, old, context) ?? []),
  ];
}

/** As upstream's storage words it. */
function uidMismatch(scope: WriteScope, wanted: string, found: string): ApiError {
  const { definition, requested, namespace, name } = scope;
  const key = ['/registry', definition.plural, ...(namespace === '' ? [] : [namespace]), name].join('/');
  return errors.conflict(
    requested,
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`,
  );
}

/** A PUT that names a uid means that object and no other of its name. */
export function requireUid(scope: WriteScope, uid: string | undefined): void {
  if (!uid) return;
  const entry = findEntry(scope.definition, scope.tx, scope.namespace, scope.name);
  if (!entry) return;
  const found = decode(scope.definition, entry.value).metadata.uid;
  if (uid !== found) throw uidMismatch(scope, uid, found);
}

function requireRevision(scope: WriteScope, { resourceVersion = '' }: Partial<ObjectMeta>, revision: number): void {
  const { definition, requested, name } = scope;
  const problem = (badValue: unknown, detail: string) => [
    { type: 'Invalid' as const, field: 'metadata.resourceVersion', badValue, detail },
  ];
  if (!/^\d*$/.test(resourceVersion))
    throw errors.invalid(
      definition.group,
      definition.kind,
      name,
      problem(resourceVersion, 'must be a valid resource version'),
    );
  if (Number(resourceVersion) !== 0) {
    if (Number(resourceVersion) !== revision) throw conflict(scope, name);
  } else if (definition.strategy.allowUnconditionalUpdate === false)
    // Upstream names the resource here, where it otherwise names the kind.
    throw errors.invalid(requested.group, requested.plural, name, problem(0, 'must be specified for an update'));
}

/** What a client cannot change, or may leave out, comes from the stored object. */
function carryMetadata(metadata: ObjectMeta, old: ObjectMeta): void {
  metadata.uid ||= old.uid;
  metadata.resourceVersion = old.resourceVersion;
  metadata.creationTimestamp = old.creationTimestamp;
  if (old.deletionTimestamp) metadata.deletionTimestamp = old.deletionTimestamp;
  if (old.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined)
    metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  if (old.generation !== undefined) metadata.generation = old.generation;
  else delete metadata.generation;
  delete metadata.selfLink;
}

function specChanged(draft: KubeObject, old: KubeObject): boolean {
  const content = (object: KubeObject) => {
    const { kind: _kind, apiVersion: _version, metadata: _metadata, ...rest } = object;
    delete (rest as { status?: unknown }).status;
    return rest;
  };
  return !semanticallyEqual(content(draft), content(old));
}

function unchanged(draft: KubeObject, old: KubeObject, revision: number): boolean {
  const { metadata, ...rest } = draft;
  const { metadata: oldMetadata, ...oldRest } = old;
  const { managedFields, ...meta } = storedMetadata(metadata, revision);
  const { managedFields: oldManagedFields, ...oldMeta } = storedMetadata(oldMetadata, revision);
  return sameButForTimes(managedFields, oldManagedFields) && equalJson(meta, oldMeta) && equalJson(rest, oldRest);
}

/** Whether nothing holds back the deletion of an object any more. */
export function isFinished(scope: WriteScope, object: KubeObject): boolean {
  const { metadata } = object;
  return (
    metadata.deletionTimestamp !== undefined &&
    !metadata.deletionGracePeriodSeconds &&
    pendingFinalizers(scope, object) === 0
  );
}

export function pendingFinalizers(scope: WriteScope, object: KubeObject): number {
  return (object.metadata.finalizers?.length ?? 0) + (scope.definition.strategy.finalizers?.(object).length ?? 0);
}

/** For handlers that need the live object: NotFound otherwise. */
export function requireCurrent(scope: WriteScope): { object: KubeObject; revision: number } {
  const entry = findEntry(scope.definition, scope.tx, scope.namespace, scope.name);
  if (!entry) throw errors.notFound(scope.requested, scope.name);
  return { object: decode(scope.definition, entry.value), revision: entry.revision };
}
