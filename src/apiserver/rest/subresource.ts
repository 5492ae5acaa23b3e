// Writes to subresources that are another form of their object (scale), or a create that does something to it (binding).
// Subresources that are a part of the object (status) go through update.ts.
import { errors } from '../../machinery/errors.ts';
import { apiVersion, type KubeObject } from '../../machinery/meta.ts';
import type { AnyResource, Subresource } from '../../machinery/resource.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { type Target, targetOf } from '../codec.ts';
import { matchName } from './create.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import { projectedFieldsOf } from './managed.ts';
import { deleteOptions } from './options.ts';
import { admissionRequest, contextOf, type Draft, type WriteScope } from './scope.ts';
import { put } from './store.ts';
import { replace, requireCurrent } from './update.ts';

/** What the body of a write to this subresource is. */
export function bodyTarget(definition: AnyResource, subresource: Subresource | undefined): Target {
  return subresource?.kind ? { ...subresource.kind, defaults: undefined } : targetOf(definition);
}

/** The projection of a stored object, as clients read it. */
export function project(subresource: Subresource, object: KubeObject): KubeObject {
  if (subresource.behaviour.type !== 'projection') return object;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const metadata = { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp };
  const kind = subresource.kind as { group: string; version: string; kind: string };
  const body = subresource.behaviour.read(object);
  return { ...body, kind: kind.kind, apiVersion: apiVersion(kind), metadata };
}

/** A PUT (or the result of a patch) of a projection. */
export function updateProjection(scope: WriteScope, body: KubeObject): KubeObject {
  const { subresource, definition } = scope;
  if (subresource?.behaviour.type !== 'projection') throw errors.methodNotSupported(scope.requested, 'update');
  const { object: old, revision } = requireCurrent(scope);
  matchName(scope, body);
  const managedFields = projectedFieldsOf(scope, old, project(subresource, old), body);
  const draft = structuredClone(old) as Draft;
  draft.metadata.resourceVersion = body.metadata.resourceVersion ?? '';
  draft.metadata.uid = body.metadata.uid ?? '';
  const problems = subresource.behaviour.write(
    draft,
    body as unknown as Record<string, unknown>,
    contextOf(scope, 'update'),
  );
  if (problems.length > 0)
    throw errors.invalid(
      subresource.kind?.group ?? definition.group,
      subresource.kind?.kind ?? definition.kind,
      scope.name,
      problems,
    );
  const written = replace(
    { ...scope, subresource: undefined, through: subresource.name, applied: { managedFields } },
    draft,
    old,
    revision,
  );
  return project(subresource, written.object);
}

/** A POST to an action; the answer is a Status. */
export function act(given: WriteScope, body: KubeObject): KubeObject {
  const { subresource, definition, core } = given;
  if (subresource?.behaviour.type !== 'action') throw errors.methodNotSupported(given.requested, 'create');
  const { apply, dryRun } = subresource.behaviour;
  const content = body as unknown as Record<string, unknown>;
  const scope: WriteScope = { ...given, dryRun: given.dryRun || dryRun?.(content) === true };
  if (body.metadata.name !== scope.name)
    throw errors.badRequest(`name in URL does not match name in ${subresource.kind?.kind ?? definition.kind} object`);
  const { object: old, revision } = requireCurrent(scope);
  const context = contextOf(scope, 'update');
  const request = admissionRequest(scope, 'CREATE', context, { object: body, old });
  core.admission.admit(request);
  core.admission.validate(request);
  const draft = structuredClone(old);
  let deletion: DeleteOptions | undefined;
  const problems = apply(draft, content, {
    ...context,
    dryRun: scope.dryRun,
    list: (resource) => request.list(resource, scope.namespace),
    store: request.store,
    delete(options) {
      deletion = deleteOptions(options as Record<string, unknown>, new URLSearchParams());
    },
  });
  if (problems.length > 0)
    throw errors.invalid(
      subresource.kind?.group ?? '',
      subresource.kind?.kind ?? definition.kind,
      scope.name,
      problems,
    );
  const stored = equalJson(draft, old) ? old : put(scope, draft, revision).object;
  const { subresource: _none, ...whole } = scope;
  return deletion ? deleteObject(whole, deletion).object : stored;
}
