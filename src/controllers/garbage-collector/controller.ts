// Deletes what has lost its owners, in the background or before the owner (foreground), or sets it free (orphan).
// Nothing is remembered: each look finds the owner by name and uid in the ledger and its dependents by the owner index. It
// works for every served kind but Events, which nobody waits for. A reference to a kind that is not served is left alone.
import type { KubeObject, OwnerReference, ResourceToken } from '../../machinery/meta.ts';
import type { Controller, Reader, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { allTokens, tokenOfKind } from '../lib/tokens.ts';
import { WriteFailed } from '../lib/write.ts';
import { keysOfChange, type OwnerKey, parseKey } from './keys.ts';
import {
  awaitsDependents,
  blocks,
  type Dependent,
  foregroundFinalizer,
  hasFinalizer,
  isDeleting,
  type OwnerState,
  orphanFinalizer,
  planDependent,
  withoutFinalizer,
  withoutReferences,
} from './plan.ts';

const isCollected = ({ kind }: ResourceToken): boolean => kind !== 'Event';
const collected = allTokens.filter(isCollected);
const writesPerBatchMax = 500;

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'generic-garbage-collector',
    sources: collected.map((token) => source(token, keysOfChange, 'ends')),
    reconcile,
  };
}

async function reconcile(text: string, context: ReconcileContext): Promise<Result> {
  const { client } = context;
  const key = parseKey(text);
  const resource = tokenOfKind(key.apiVersion, key.kind);
  if (resource === undefined) return {};
  const found = await client.get(resource, key.namespace || undefined, key.name);
  if (found?.metadata.uid !== key.uid) {
    await collect(await dependentsOf(key.uid, client), context);
    return {};
  }
  if (!isDeleting(found)) return {};
  const owner: Dependent = { resource, object: found };
  if (hasFinalizer(found, orphanFinalizer)) await orphan(owner, await dependentsOf(key.uid, client), context);
  else if (awaitsDependents(found)) await collectBefore(owner, await dependentsOf(key.uid, client), context);
  return {};
}

async function dependentsOf(ownerUid: string, reader: Reader): Promise<Dependent[]> {
  const owned = await reader.owned(ownerUid);
  return owned.filter(({ resource }) => isCollected(resource));
}

async function orphan(owner: Dependent, dependents: readonly Dependent[], { client }: ReconcileContext): Promise<void> {
  const uids = new Set([owner.object.metadata.uid]);
  await execute(
    dependents.map((dependent) => withoutReferences(dependent, uids)),
    client,
  );
  await execute([withoutFinalizer(owner, orphanFinalizer)], client);
}

/** Foreground: the blocking dependents first; the last one's deletion brings us back here. */
async function collectBefore(
  owner: Dependent,
  dependents: readonly Dependent[],
  context: ReconcileContext,
): Promise<void> {
  const blocking = dependents.filter((dependent) => blocks(dependent, owner.object.metadata.uid));
  if (blocking.length === 0) await execute([withoutFinalizer(owner, foregroundFinalizer)], context.client);
  else await collect(blocking, context);
}

async function collect(dependents: readonly Dependent[], { client }: ReconcileContext): Promise<void> {
  const candidates = dependents.filter(({ object }) => !isDeleting(object));
  const known = new Map<string, Promise<OwnerState>>();
  const writes = await Promise.all(
    candidates.map(async (dependent): Promise<Write | undefined> => {
      const states = await Promise.all(
        (dependent.object.metadata.ownerReferences ?? []).map(async (reference) => ({
          reference,
          state: await stateOf(reference, dependent.object, known, client),
        })),
      );
      const waiting = states.some(({ state }) => state === 'waiting');
      const next = waiting ? await dependentsOf(dependent.object.metadata.uid, client) : [];
      return planDependent(dependent, states, next);
    }),
  );
  await execute(
    writes.filter((write) => write !== undefined),
    client,
  );
}

/** An owner is the object of that kind, name and uid, in the dependent's namespace; looked up once per step. */
function stateOf(
  reference: OwnerReference,
  dependent: KubeObject,
  known: Map<string, Promise<OwnerState>>,
  reader: Reader,
): Promise<OwnerState> {
  const resource = tokenOfKind(reference.apiVersion, reference.kind);
  if (resource === undefined) return Promise.resolve('unknown');
  const namespace = resource.namespaced ? dependent.metadata.namespace : undefined;
  // A cluster-scoped object cannot be owned by a namespaced one: nothing is concluded from such a reference.
  if (resource.namespaced && namespace === undefined) return Promise.resolve('unknown');
  const key: OwnerKey = { ...reference, namespace: namespace ?? '' };
  const id = `${key.apiVersion}|${key.kind}|${key.namespace}|${key.name}|${key.uid}`;
  const cached = known.get(id);
  if (cached !== undefined) return cached;
  const state = reader
    .get(resource, namespace, reference.name)
    .then(
      (owner): OwnerState =>
        owner?.metadata.uid !== reference.uid ? 'absent' : awaitsDependents(owner) ? 'waiting' : 'present',
    );
  known.set(id, state);
  return state;
}

async function execute(writes: readonly Write[], client: ReconcileContext['client']): Promise<void> {
  for (let start = 0; start < writes.length; start += writesPerBatchMax) {
    for (const outcome of await client.write(writes.slice(start, start + writesPerBatchMax))) {
      // What is gone needs nothing more; a conflict means that it has changed: look again.
      if (!outcome.ok && outcome.status.code !== 404) throw new WriteFailed(outcome.status);
    }
  }
}
