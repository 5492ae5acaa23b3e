// What a new cluster holds before anyone asks: the system's namespaces and the `kubernetes` Service at the first address of
// the service range, which comes back when somebody deletes it. Idempotent: what is there is left alone, so a restart
// writes nothing.
import { namespaces, services } from '../generated/schemas/index.ts';
import type { Change } from '../ledger/types.ts';
import { objectKey } from '../machinery/meta.ts';
import type { Write } from '../reconcile/types.ts';
import { allAuthenticated } from './authn/authenticator.ts';
import { createClient } from './client.ts';
import type { Core } from './core.ts';
import { findEntry } from './storage/read.ts';

const kubernetesServiceKey = objectKey(services, 'default', 'kubernetes');
const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Whether this change took away what every cluster holds. */
export const undoesBootstrap = ({ type, key }: Change): boolean => type === 'delete' && key === kubernetesServiceKey;

export async function bootstrap(core: Core): Promise<void> {
  const missing: Write[] = [];
  const namespaceDefinition = core.registry.findGroupResource('namespaces');
  for (const name of systemNamespaces)
    if (namespaceDefinition && !findEntry(namespaceDefinition, core.ledger, undefined, name))
      missing.push({ verb: 'create', resource: namespaces, object: { metadata: { name } } });
  const serviceDefinition = core.registry.findGroupResource('services');
  if (serviceDefinition && !findEntry(serviceDefinition, core.ledger, 'default', 'kubernetes'))
    missing.push({ verb: 'create', resource: services, namespace: 'default', object: kubernetesService(core) });
  if (missing.length === 0) return;
  const client = createClient(core, { name: 'system:apiserver', groups: ['system:masters', allAuthenticated] });
  const outcomes = await client.write(missing);
  for (const [index, outcome] of outcomes.entries())
    if (!outcome.ok && outcome.status.reason !== 'AlreadyExists')
      core.log.error('bootstrap object could not be created', { write: missing[index], status: outcome.status });
}

function kubernetesService(core: Core) {
  return {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: firstAddress(core.config.serviceCidr),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      sessionAffinity: 'None',
    },
  };
}

/** `10.96.0.0/16` → `10.96.0.1`. */
export function firstAddress(cidr: string): string {
  const octets = (cidr.split('/')[0] ?? '').split('.').map(Number);
  octets[3] = (octets[3] ?? 0) + 1;
  return octets.join('.');
}
