// The `default` ServiceAccount of every active namespace. Keys: namespace names.
import { namespaces, serviceAccounts } from '../../generated/schemas/index.ts';
import type { Controller, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { isNamespaceTerminating, WriteFailed } from '../lib/write.ts';

const accountName = 'default';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'service-account-controller',
    sources: [
      source(namespaces, ({ type, object, previous }) =>
        type === 'put' && previous === undefined ? [object.metadata.name] : [],
      ),
      source(serviceAccounts, ({ type, object: { metadata } }) =>
        type === 'delete' && metadata.name === accountName && metadata.namespace ? [metadata.namespace] : [],
      ),
    ],
    reconcile,
  };
}

async function reconcile(name: string, { client }: ReconcileContext): Promise<Result> {
  const [namespace, account] = await Promise.all([
    client.get(namespaces, undefined, name),
    client.get(serviceAccounts, name, accountName),
  ]);
  if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined || account !== undefined) return {};
  const object = { metadata: { name: accountName, namespace: name } };
  const [outcome] = await client.write([{ verb: 'create', resource: serviceAccounts, namespace: name, object }]);
  if (outcome?.ok === false && outcome.status.reason !== 'AlreadyExists' && !isNamespaceTerminating(outcome.status)) {
    throw new WriteFailed(outcome.status);
  }
  return {};
}
