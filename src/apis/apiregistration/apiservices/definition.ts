// apiregistration.k8s.io/v1 APIService: which group versions are served, and by whom. All are served here, so that these
// objects follow from that and are computed when they are read, as those that upstream keeps for its own groups; nobody can add
// one for a server elsewhere yet.
import type { APIService } from '../../../generated/schemas/apiregistration-v1.ts';
import { apiServices, namespaces } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';

/** Upstream's ranks: of groups, and of versions within theirs where it is not 15. */
const groupPriorities: Readonly<Record<string, number>> = {
  '': 18000,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'admissionregistration.k8s.io': 16700,
  'apiextensions.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'resource.k8s.io': 16200,
  'flowcontrol.apiserver.k8s.io': 16100,
  'metrics.k8s.io': 100,
};
const versionPriorities: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'resource.k8s.io/v1': 21,
  'metrics.k8s.io/v1beta1': 100,
};
const usual = { group: 1000, version: 15 };

export default defineResource<APIService>({
  ...apiServices,
  singular: 'apiservice',
  categories: ['api-extensions'],
  schema: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
  verbs: ['get', 'list'],
  strategy: { generation: false },
  computed({ groupVersions, get }) {
    // They are as old as the cluster.
    const { creationTimestamp } = get(namespaces, undefined, 'kube-system')?.metadata ?? {};
    return groupVersions
      .filter(({ group }) => group !== apiServices.group)
      .map(({ group, version }) => ({
        metadata: {
          name: `${version}.${group}`,
          ...(creationTimestamp ? { creationTimestamp } : {}),
          labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
        },
        spec: {
          ...(group === '' ? {} : { group }),
          version,
          groupPriorityMinimum: groupPriorities[group] ?? usual.group,
          versionPriority: versionPriorities[`${group}/${version}`] ?? usual.version,
        },
        status: {
          conditions: [
            {
              type: 'Available',
              status: 'True',
              ...(creationTimestamp ? { lastTransitionTime: creationTimestamp } : {}),
              reason: 'Local',
              message: 'Local APIServices are always available',
            },
          ],
        },
      }))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  },
  columns: [
    nameColumn,
    {
      name: 'Service',
      type: 'string',
      description: 'The reference to the service that hosts this API endpoint.',
      cell: ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local'),
    },
    {
      name: 'Available',
      type: 'string',
      description: 'Whether this service is available.',
      cell({ status }) {
        const condition = status?.conditions?.find(({ type }) => type === 'Available');
        if (!condition) return 'Unknown';
        const { status: available, reason } = condition;
        return available === 'True' || !reason ? available : `${available} (${reason})`;
      },
    },
    ageColumn,
  ],
});
