// Bootstrap tokens (Secrets of type bootstrap.kubernetes.io/token in kube-system) that have expired are deleted. They let
// nobody in from that moment on, whether they are still there or not. Keys: names of Secrets.
import type { Secret } from '../../generated/schemas/core-v1.ts';
import { secrets } from '../../generated/schemas/index.ts';
import type { Controller, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { writeAll } from '../lib/write.ts';
import { remainingMs } from './plan.ts';

const namespace = 'kube-system';
const secretType = 'bootstrap.kubernetes.io/token';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'token-cleaner',
    sources: [
      source(secrets, ({ type, object }) =>
        type === 'put' && object.type === secretType && object.metadata.namespace === namespace
          ? [object.metadata.name]
          : [],
      ),
    ],
    reconcile,
  };
}

async function reconcile(name: string, { client, clock }: ReconcileContext): Promise<Result> {
  const secret: Secret | undefined = await client.get(secrets, namespace, name);
  if (secret?.type !== secretType || secret.metadata.deletionTimestamp !== undefined) return {};
  const remaining = remainingMs(secret, clock.now());
  if (remaining === undefined) return {};
  if (remaining > 0) return { requeueAfterMs: remaining };
  const { uid, resourceVersion } = secret.metadata;
  await writeAll(client, [{ verb: 'delete', resource: secrets, namespace, name, uid, resourceVersion }]);
  return {};
}
