// Empties namespaces that are being deleted, pods first, then lets them go through the finalize subresource.
// Keys: namespace names. Every deletion inside a namespace is a reason to look whether it was the last.
import type { Namespace } from '../../generated/schemas/core-v1.ts';
import { namespaces } from '../../generated/schemas/index.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { Controller, Reader, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { allTokens } from '../lib/tokens.ts';
import { isDeletionOfAbsent, WriteFailed, writeAll } from '../lib/write.ts';
import { type Contents, conditionsOf, finalizer, isTerminating, nextToDelete } from './plan.ts';

const namespacedTokens = allTokens.filter((token) => token.namespaced);
const writesPerBatchMax = 500;
const roundsMax = 20;

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'namespace-controller',
    sources: [
      source(namespaces, ({ type, object }) => (type === 'put' && isTerminating(object) ? [object.metadata.name] : [])),
      ...namespacedTokens.map((token) =>
        source(
          token,
          ({ type, object }) => (type === 'delete' && object.metadata.namespace ? [object.metadata.namespace] : []),
          'ends',
        ),
      ),
    ],
    reconcile,
  };
}

async function reconcile(name: string, context: ReconcileContext): Promise<Result> {
  const { client } = context;
  const namespace = await client.get(namespaces, undefined, name);
  if (!isTerminating(namespace)) return {};

  let contents = await contentsOf(name, client);
  const failures: string[] = [];
  for (let round = 0, due = nextToDelete(contents); due.length > 0; due = nextToDelete(contents), round++) {
    if (round === roundsMax) return { requeueAfterMs: 0 };
    const writes = due.slice(0, writesPerBatchMax).map(
      ({ resource, object: { metadata } }): Write => ({
        verb: 'delete',
        resource,
        namespace: name,
        name: metadata.name,
        uid: metadata.uid,
        propagationPolicy: 'Background',
      }),
    );
    const outcomes = await client.write(writes);
    outcomes.forEach((outcome, i) => {
      if (!outcome.ok && !isDeletionOfAbsent(writes[i], outcome.status))
        failures.push(outcome.status.message ?? 'unknown');
    });
    contents = await contentsOf(name, client);
    if (failures.length > 0) break;
  }

  if (failures.length > 0 || contents.some(({ objects }) => objects.length > 0)) {
    await report(namespace, contents, failures, context);
    if (failures.length > 0) throw new Error(`namespace ${name}: ${failures[0]}`);
    return {};
  }
  const finalizers = (namespace.spec.finalizers ?? []).filter((entry) => entry !== finalizer);
  const object = { ...namespace, spec: { ...namespace.spec, finalizers } };
  const [outcome] = await client.write([{ verb: 'update', resource: namespaces, subresource: 'finalize', object }]);
  if (outcome?.ok === false && outcome.status.code !== 404) throw new WriteFailed(outcome.status);
  return {};
}

async function contentsOf(namespace: string, reader: Reader): Promise<Contents[]> {
  return Promise.all(
    namespacedTokens.map(async (resource) => ({
      resource,
      objects: await reader.list(resource, { namespace, metadataOnly: true }),
    })),
  );
}

async function report(
  namespace: Namespace,
  contents: Contents[],
  failures: string[],
  { client, clock }: ReconcileContext,
): Promise<void> {
  const conditions = conditionsOf(namespace.status?.conditions ?? [], contents, failures, clock.now());
  const status: Namespace['status'] = { ...namespace.status, phase: 'Terminating', conditions };
  if (equalJson(status, namespace.status)) return;
  await writeAll(client, [
    { verb: 'update', resource: namespaces, subresource: 'status', object: { ...namespace, status } as Namespace },
  ]);
}
