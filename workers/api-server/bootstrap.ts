// What every cluster has from the start: the system namespaces and the `kubernetes` Service. Created when absent.
import { firstAddress } from '../../src/apiserver/nodes/certificate.ts';
import { namespaces, services } from '../../src/generated/schemas/index.ts';
import type { KubeObject, New } from '../../src/machinery/meta.ts';
import type { ClusterConfig, Log } from '../../src/ports/index.ts';
import type { Client, Write } from '../../src/reconcile/types.ts';

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export async function ensureSystemObjects(client: Client, config: ClusterConfig, log: Log): Promise<void> {
  const missing: Write[] = [];
  for (const name of systemNamespaces)
    if (!(await client.get(namespaces, undefined, name)))
      missing.push({ verb: 'create', resource: namespaces, object: { metadata: { name } } });
  await create(client, missing, log);
  if (!(await client.get(services, 'default', 'kubernetes')))
    await create(
      client,
      [{ verb: 'create', resource: services, namespace: 'default', object: kubernetesService(config) }],
      log,
    );
}

async function create(client: Client, writes: readonly Write[], log: Log): Promise<void> {
  if (writes.length === 0) return;
  for (const [i, outcome] of (await client.write(writes)).entries())
    if (!outcome.ok && outcome.status.reason !== 'AlreadyExists')
      log.error('a system object could not be created', { resource: writes[i]?.resource.plural, status: outcome.status });
}

function kubernetesService(config: ClusterConfig): New<KubeObject> & Record<string, unknown> {
  return {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: firstAddress(config.serviceCidr),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      sessionAffinity: 'None',
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
    },
  };
}
