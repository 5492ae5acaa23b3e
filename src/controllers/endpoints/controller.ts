// core/v1 Endpoints of Services that select pods, for clients that still read them. Keys: `namespace/service`.
// Endpoints of Services without a selector are somebody else's; they go only with their Service.
import { endpoints, pods, services } from '../../generated/schemas/index.ts';
import type { Controller, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import { keyOf, splitKey } from '../lib/keys.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { pairsText } from '../lib/selectors.ts';
import { keysOfServices, selectsPods } from '../lib/service-pods.ts';
import { isNamespaceTerminating, WriteFailed } from '../lib/write.ts';
import { isManaged, planEndpoints } from './plan.ts';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'endpoint-controller',
    sources: [
      source(services, ({ object }) => [keyOf(object)]),
      source(pods, keysOfServices),
      // What others write into theirs is no reason to look: they may be without a Service.
      source(endpoints, ({ type, object, previous }) =>
        type === 'delete' || isManaged(previous) ? [keyOf(object)] : [],
      ),
    ],
    reconcile,
  };
}

async function reconcile(key: string, { client }: ReconcileContext): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const [service, current] = await Promise.all([
    client.get(services, namespace, name),
    client.get(endpoints, namespace, name),
  ]);
  let write: Write | undefined;
  if (service === undefined) {
    // Leader election of old keeps its record in an Endpoints object that never had a Service.
    const isRecord = current?.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] !== undefined;
    if (current && !isRecord) {
      const { uid, resourceVersion } = current.metadata;
      write = { verb: 'delete', resource: endpoints, namespace, name, uid, resourceVersion };
    }
  } else if (service.metadata.deletionTimestamp === undefined && selectsPods(service)) {
    const selected = await client.list(pods, { namespace, labelSelector: pairsText(service.spec.selector ?? {}) });
    write = planEndpoints(service, selected, current);
  }
  if (write === undefined) return {};
  const [outcome] = await client.write([write]);
  if (outcome?.ok === false && outcome.status.code !== 404 && !isNamespaceTerminating(outcome.status))
    throw new WriteFailed(outcome.status);
  return {};
}
