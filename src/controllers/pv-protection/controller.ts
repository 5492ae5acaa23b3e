// Volumes stay for as long as they are bound to a claim. Keys: volumes' names.
import { persistentVolumes } from '../../generated/schemas/index.ts';
import type { Controller, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { isUnsettled, planProtection } from '../lib/protection.ts';
import { writeAll } from '../lib/write.ts';

const finalizer = 'kubernetes.io/pv-protection';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'pv-protection-controller',
    sources: [
      source(persistentVolumes, ({ type, object }) =>
        type === 'put' && isUnsettled(object, finalizer) ? [object.metadata.name] : [],
      ),
    ],
    reconcile,
  };
}

async function reconcile(name: string, { client }: ReconcileContext): Promise<Result> {
  const volume = await client.get(persistentVolumes, undefined, name);
  if (volume === undefined) return {};
  const isBound = (): boolean => volume.status?.phase === 'Bound';
  await writeAll(client, planProtection(persistentVolumes, volume, finalizer, isBound));
  return {};
}
