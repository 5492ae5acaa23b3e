// One write inside an open transaction, whether it came over HTTP or from a controller: the same steps for both.
import { errors } from '../../machinery/errors.ts';
import { apiVersion, type KubeObject } from '../../machinery/meta.ts';
import { type FieldValidation, targetOf } from '../codec.ts';
import type { PatchType } from '../patch.ts';
import { decode, inVersion, written } from '../storage/codec.ts';
import { findEntry } from '../storage/read.ts';
import { create, matchName, matchTarget } from './create.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import { applied, appliedToProjection } from './managed.ts';
import { type Draft, type WriteScope, type Written, warn } from './scope.ts';
import { act, bodyTarget, project, updateProjection } from './subresource.ts';
import { requireCurrent, requireUid, update } from './update.ts';

export type Operation =
  | { verb: 'create'; body: KubeObject }
  | { verb: 'update'; body: KubeObject }
  | { verb: 'patch'; type: PatchType; patch: string; validation: FieldValidation }
  | {
      verb: 'apply';
      patch: Record<string, unknown>;
      /** Keys that the configuration has more than once. */
      /** Keys that are there twice, as the YAML reader says it, by line. */
      repeated: readonly string[];
      force: boolean;
      validation: FieldValidation;
      /** Throws where the user may not create what is absent. */
      mayCreate?(): void;
    }
  | { verb: 'delete'; options: DeleteOptions };

/** Bodies have been decoded and defaulted; they are in the requested version, the outcome is in the stored. Throws ApiError. */
export function execute(scope: WriteScope, operation: Operation): Written {
  const behaviour = scope.subresource?.behaviour.type;
  if (behaviour === 'connect') throw errors.methodNotSupported(scope.requested, operation.verb);
  switch (operation.verb) {
    case 'create':
      if (behaviour === 'action') return { object: act(scope, operation.body), created: true };
      return create(scope, toStored(scope, operation.body) as Draft);
    case 'update':
      requireUid(scope, operation.body.metadata.uid);
      return put(scope, operation.body);
    case 'patch':
      return put(scope, patched(scope, operation));
    case 'apply':
      return applyTo(scope, operation);
    case 'delete':
      return deleteObject(scope, operation.options);
  }
}

function put(scope: WriteScope, body: KubeObject): Written {
  if (scope.subresource?.behaviour.type === 'projection') return { object: updateProjection(scope, body) };
  return update(scope, toStored(scope, body) as Draft);
}

/** A body, which is in the version that the request names, as the object that is stored. */
function toStored({ core, definition, requested }: WriteScope, body: KubeObject): KubeObject {
  if (!requested.conversion) return body;
  const { metadata, ...rest } = requested.conversion.toStored(body);
  const object = { ...rest, kind: definition.kind, apiVersion: apiVersion(definition), metadata };
  return core.codec.accept(object, targetOf(definition), 'Ignore').object;
}

/** The outcome of a write, in the version that the request names. */
export function asRequested(
  { requested, subresource }: Pick<WriteScope, 'requested' | 'subresource'>,
  object: KubeObject,
): KubeObject {
  return subresource?.behaviour.type === 'projection' ? object : inVersion(requested, object);
}

/** Server-side apply, which creates what is absent. */
function applyTo(scope: WriteScope, operation: Extract<Operation, { verb: 'apply' }>): Written {
  const { core, definition, requested, subresource } = scope;
  const entry = findEntry(definition, scope.tx, scope.namespace, scope.name);
  if (!entry && subresource) throw errors.notFound(requested, scope.name);
  const old = entry && decode(definition, entry.value);
  const { patch, force } = operation;
  const projection = old && subresource?.behaviour.type === 'projection' ? project(subresource, old) : undefined;
  const result =
    old && projection ? appliedToProjection(scope, old, projection, patch, force) : applied(scope, old, patch, force);
  checkDuplicates(scope, operation);
  const { object: body } = core.codec.accept(result.object, bodyTarget(requested, subresource), 'Ignore');
  const within = { ...scope, applied: result };
  if (projection) return { object: updateProjection(within, body) };
  const draft = toStored(scope, body) as Draft;
  if (old) return update(within, draft);
  if (draft.metadata.uid)
    throw errors.conflict(
      requested,
      scope.name,
      `uid mismatch: the provided object specified uid ${draft.metadata.uid}, and no existing object was found`,
    );
  matchTarget(scope, draft);
  matchName(scope, draft);
  operation.mayCreate?.();
  draft.metadata.resourceVersion = '';
  return create(within, draft);
}

function checkDuplicates(scope: WriteScope, { repeated, validation }: Extract<Operation, { verb: 'apply' }>): void {
  if (validation === 'Ignore' || repeated.length === 0) return;
  if (validation === 'Strict')
    throw errors.badRequest(
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${repeated.join('\n  ')}`,
    );
  for (const message of repeated) warn(scope, message);
}

/** The object as the patch wants it. Inside the transaction, so that there is nothing to conflict with and to retry. */
function patched(scope: WriteScope, operation: Extract<Operation, { verb: 'patch' }>): KubeObject {
  const { core, requested, subresource } = scope;
  const { object } = requireCurrent(scope);
  const target = bodyTarget(requested, subresource);
  const base = written(asRequested(scope, subresource ? project(subresource, object) : object));
  const { object: body, warnings } = core.codec.patch(
    operation.type,
    base as unknown as Record<string, unknown>,
    operation.patch,
    target,
    operation.validation,
  );
  for (const warning of warnings) warn(scope, warning);
  return body;
}
