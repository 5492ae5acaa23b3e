// What a new cluster holds before anyone asks: the objects that definitions name as their kind's bootstrap. Idempotent:
// what agrees is left alone, so a restart writes nothing.
import type { Change } from '../ledger/types.ts';
import { errors } from '../machinery/errors.ts';
import type { KubeObject, New } from '../machinery/meta.ts';
import type { AnyResource } from '../machinery/resource.ts';
import { copyJson } from '../machinery/schema/json.ts';
import type { Write } from '../reconcile/types.ts';
import { allAuthenticated } from './authn/authenticator.ts';
import { createClient } from './client.ts';
import type { Core } from './core.ts';
import type { Registry } from './registry.ts';
import { decode, keyParts } from './storage/codec.ts';
import { findObject, keyRange } from './storage/read.ts';

/** Whether this change took away what comes back at once. */
export function undoesBootstrap(registry: Registry, { type, key }: Change): boolean {
  if (type !== 'delete') return false;
  const { resource, namespace, name } = keyParts(key);
  return registry.findGroupResource(resource)?.bootstrap?.restored?.(namespace, name) === true;
}

/** Whether this change left something to be put right soon. */
export function driftsFromBootstrap({ registry, config }: Pick<Core, 'registry' | 'config'>, change: Change): boolean {
  const { resource, namespace, name } = keyParts(change.key);
  const definition = registry.findGroupResource(resource);
  const of = definition?.bootstrap;
  if (!of?.maintained) return false;
  const wanted = of
    .objects(config)
    .find(({ metadata }: New<KubeObject>) => metadata.name === name && (metadata.namespace ?? '') === namespace);
  if (change.type === 'delete') return wanted !== undefined;
  const live = decode(definition as AnyResource, change.value);
  return wanted ? of.reconcile?.(live, wanted) !== undefined : of.leftOver?.(live) === true;
}

export async function bootstrap(core: Core): Promise<void> {
  // Namespaces before what lives in them.
  const definitions = [...core.registry.definitions].sort((a, b) => Number(a.namespaced) - Number(b.namespaced));
  const writes = definitions.flatMap((definition) => [
    ...(definition.conversion ? [] : (definition.bootstrap?.objects(core.config) ?? [])).flatMap(
      (wanted: New<KubeObject>) => outstanding(core, definition, copyJson(wanted)),
    ),
    ...leftOvers(core, definition),
  ]);
  if (writes.length === 0) return;
  const client = createClient(core, { name: 'system:apiserver', groups: ['system:masters', allAuthenticated] });
  const outcomes = await client.write(writes);
  for (const [index, outcome] of outcomes.entries())
    if (!outcome.ok && outcome.status.reason !== 'AlreadyExists')
      core.log.error('bootstrap object could not be written', { write: writes[index], status: outcome.status });
}

function outstanding(core: Core, definition: AnyResource, wanted: New<KubeObject>): Write[] {
  const { name, namespace } = wanted.metadata;
  if (!name) throw errors.internal(new Error(`a bootstrap object of ${definition.plural} has no name`));
  const { manager } = definition.bootstrap ?? {};
  const what = { resource: definition, ...(manager ? { manager } : {}) };
  const live = findObject(definition, core.ledger, namespace, name);
  const create: Write = { verb: 'create', ...what, ...(namespace ? { namespace } : {}), object: wanted };
  if (!live) return [create];
  if (definition.bootstrap?.replaces?.(live, wanted))
    return [{ verb: 'delete', resource: definition, ...(namespace ? { namespace } : {}), name }, create];
  const replacement = definition.bootstrap?.reconcile?.(live, wanted);
  return replacement ? [{ verb: 'update', ...what, object: replacement }] : [];
}

/** Deletes what is no longer among them. */
function leftOvers(core: Core, definition: AnyResource): Write[] {
  const { bootstrap } = definition;
  if (definition.conversion || !bootstrap?.leftOver) return [];
  return core.ledger
    .range(keyRange(definition))
    .entries.map((entry) => decode(definition, entry.value))
    .filter((live) => bootstrap.leftOver?.(live))
    .map(({ metadata: { name, namespace, resourceVersion } }) => ({
      verb: 'delete',
      resource: definition,
      ...(namespace ? { namespace } : {}),
      name,
      resourceVersion,
    }));
}
