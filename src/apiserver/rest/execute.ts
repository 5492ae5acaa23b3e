// One write inside an open transaction, whether it came over HTTP or from a controller: the same steps for both.
import { errors } from '../../machinery/errors.ts';
import { apiVersion, type KubeObject } from '../../machinery/meta.ts';
import { type FieldValidation, targetOf } from '../codec.ts';
import { inVersion } from '../storage/codec.ts';
import { create } from './create.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import type { Draft, WriteScope, Written } from './scope.ts';
import { act, bodyTarget, project, updateProjection } from './subresource.ts';
import { requireCurrent, update } from './update.ts';

export type Operation =
  | { verb: 'create'; body: KubeObject }
  | { verb: 'update'; body: KubeObject }
  | { verb: 'patch'; type: 'json' | 'merge' | 'strategic'; patch: unknown; validation: FieldValidation }
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
      return put(scope, operation.body);
    case 'patch':
      return put(scope, patched(scope, operation));
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

/** The object as the patch wants it. Inside the transaction, so that there is nothing to conflict with and to retry. */
function patched(scope: WriteScope, operation: Extract<Operation, { verb: 'patch' }>): KubeObject {
  const { core, requested, subresource } = scope;
  const { object, revision } = requireCurrent(scope);
  const target = bodyTarget(requested, subresource);
  const base = asRequested(scope, subresource ? project(subresource, object) : object);
  const result = core.codec.patch(
    operation.type,
    base as unknown as Record<string, unknown>,
    operation.patch,
    target.schema,
  );
  const { object: body, warnings } = core.codec.accept(result, target, operation.validation);
  for (const warning of warnings) if (!scope.warnings.includes(warning)) scope.warnings.push(warning);
  // The name and version that it was applied to; a patch that sets its own resourceVersion demands that one.
  body.metadata.name ??= scope.name;
  body.metadata.resourceVersion ||= String(revision);
  return body;
}
