// Updating an object as a whole, or the part of it that a subresource owns. A patch ends here too. An update that changes
// nothing writes nothing; one that clears the last finalizer of an object being deleted deletes it.
import { errors, type FieldError } from '../../machinery/errors.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { deepEqual as semanticallyEqual, validateObjectMetaUpdate } from '../../machinery/validation.ts';
import { decode, storedMetadata } from '../storage/codec.ts';
import { findEntry } from '../storage/read.ts';
import { create, matchTarget } from './create.ts';
import { admissionRequest, contextOf, type Draft, type WriteScope, type Written, warn } from './scope.ts';
import { conflict, put, remove } from './store.ts';

/** `draft` has been decoded and defaulted. */
export function update(scope: WriteScope, draft: Draft): Written {
  matchTarget(scope, draft);
  const { definition } = scope;
  const entry = findEntry(definition, scope.tx, scope.namespace, scope.name);
  if (!entry) {
    if (definition.strategy.allowCreateOnUpdate && !scope.subresource) {
      if (draft.metadata.uid) throw errors.conflict(scope.requested, scope.name, uidMismatch(draft.metadata.uid, ''));
      return create(scope, draft);
    }
    throw errors.notFound(scope.requested, scope.name);
  }
  return replace(scope, draft, decode(definition, entry.value), entry.revision);
}

/** Puts `draft` in the place of `old`, which is live at `revision`. */
export function replace(scope: WriteScope, draft: Draft, old: KubeObject, revision: number): Written {
  const { definition, core } = scope;
  const { strategy } = definition;
  checkPreconditions(scope, draft.metadata, old, revision);
  const context = contextOf(scope, 'update');
  carryMetadata(draft.metadata, old.metadata);

  core.admission.admit(admissionRequest(scope, 'UPDATE', context, { object: draft, old }));
  const part = scope.subresource?.behaviour.type === 'part' ? scope.subresource.behaviour : undefined;
  if (part) part.prepareForUpdate(draft, old, context);
  else strategy.prepareForUpdate?.(draft, old, context);
  if (strategy.generation !== false && !part && specChanged(draft, old))
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1;

  const problems = validateAll(scope, draft, old, context);
  if (problems.length > 0) throw errors.invalid(definition.group, definition.kind, old.metadata.name, problems);
  for (const message of (part ?? strategy).warnings?.(draft, old) ?? []) warn(scope, message);
  core.admission.validate(admissionRequest(scope, 'UPDATE', context, { object: draft, old }));

  if (isFinished(scope, draft)) return remove(scope, draft, revision);
  if (unchanged(draft, old, revision)) return { object: old };
  return { object: put(scope, draft, revision) };
}

function validateAll(scope: WriteScope, draft: Draft, old: KubeObject, context: StrategyContext): FieldError[] {
  const { definition } = scope;
  const problems = validateObjectMetaUpdate(draft.metadata, old.metadata);
  if (scope.subresource?.behaviour.type === 'part')
    return [...problems, ...(scope.subresource.behaviour.validateUpdate?.(draft, old, context) ?? [])];
  return [
    ...problems,
    ...(definition.strategy.validate?.(draft, context) ?? []),
    ...(definition.strategy.validateUpdate?.(draft, old, context) ?? []),
  ];
}

export function uidMismatch(wanted: string, found: string): string {
  return `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`;
}

function checkPreconditions(scope: WriteScope, metadata: ObjectMeta, old: KubeObject, revision: number): void {
  const { definition } = scope;
  if (metadata.uid && metadata.uid !== old.metadata.uid)
    throw errors.conflict(scope.requested, old.metadata.name, uidMismatch(metadata.uid, old.metadata.uid));
  if (metadata.resourceVersion && metadata.resourceVersion !== '0') {
    if (!/^\d+$/.test(metadata.resourceVersion))
      throw errors.invalid(definition.group, definition.kind, old.metadata.name, [
        {
          type: 'Invalid',
          field: 'metadata.resourceVersion',
          badValue: metadata.resourceVersion,
          detail: 'must be a valid resource version',
        },
      ]);
    if (Number(metadata.resourceVersion) !== revision) throw conflict(scope, old.metadata.name);
  } else if (definition.strategy.allowUnconditionalUpdate === false)
    throw errors.invalid(definition.group, definition.kind, old.metadata.name, [
      { type: 'Invalid', field: 'metadata.resourceVersion', badValue: 0, detail: 'must be specified for an update' },
    ]);
}

/** What a client cannot change, or may leave out, comes from the stored object. */
function carryMetadata(metadata: ObjectMeta, old: ObjectMeta): void {
  metadata.uid = old.uid;
  metadata.resourceVersion = old.resourceVersion;
  metadata.creationTimestamp = old.creationTimestamp;
  if (old.generateName && !metadata.generateName) metadata.generateName = old.generateName;
  if (old.deletionTimestamp) metadata.deletionTimestamp = old.deletionTimestamp;
  if (old.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined)
    metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  if (old.generation !== undefined) metadata.generation = old.generation;
  else delete metadata.generation;
  delete metadata.managedFields;
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
  return (
    equalJson(storedMetadata(metadata, revision), storedMetadata(oldMetadata, revision)) && equalJson(rest, oldRest)
  );
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
