// Objects that live and die with another one, in its transaction (a Service and its IPAddresses). What somebody else has put in
// the place of one stays; a dry run touches nothing.
import { apiVersion, type KubeObject } from '../../machinery/meta.ts';
import type { Companion } from '../../machinery/resource.ts';
import { copyJson } from '../../machinery/schema/json.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { allAuthenticated } from '../authn/authenticator.ts';
import { decode } from '../storage/codec.ts';
import { findEntry } from '../storage/read.ts';
import { create } from './create.ts';
import type { Draft, WriteScope } from './scope.ts';
import { remove } from './store.ts';

/** Follows a change from `old` (undefined: it is new) to `object` (undefined: it is gone). */
export function keepCompanions(scope: WriteScope, object: KubeObject | undefined, old: KubeObject | undefined): void {
  const { companions } = scope.definition.strategy;
  if (!companions || scope.dryRun) return;
  const wanted = object ? companions(object) : [];
  const had = old ? companions(old) : [];
  const isMissing = (from: readonly Companion[]) => (one: Companion) =>
    !from.some(
      ({ resource, object: { metadata } }) => resource === one.resource && metadata.name === one.object.metadata.name,
    );
  for (const one of had.filter(isMissing(wanted))) takeAway(scopeOf(scope, one), one);
  for (const one of wanted.filter(isMissing(had))) make(scopeOf(scope, one), one);
}

/** The same transaction, on behalf of the server. */
function scopeOf({ core, tx, warnings }: WriteScope, { resource, object: { metadata } }: Companion): WriteScope {
  const definition = core.registry.require(resource);
  return {
    core,
    tx,
    user: { name: 'system:apiserver', groups: ['system:masters', allAuthenticated] },
    definition,
    requested: definition,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    dryRun: false,
    warnings,
    manager: 'kube-apiserver',
  };
}

function make(scope: WriteScope, { resource, object }: Companion): void {
  if (findEntry(scope.definition, scope.tx, scope.namespace, scope.name)) return;
  create(scope, { apiVersion: apiVersion(resource), kind: resource.kind, ...copyJson(object) } as Draft);
}

function takeAway(scope: WriteScope, { object }: Companion): void {
  const entry = findEntry(scope.definition, scope.tx, scope.namespace, scope.name);
  const found = entry && decode<KubeObject & { spec?: unknown }>(scope.definition, entry.value);
  if (entry && found && deepEqual(found.spec, (object as { spec?: unknown }).spec))
    remove(scope, found, entry.revision);
}
