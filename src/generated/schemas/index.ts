// Tokens of the resource types that this release serves, each carrying its TypeScript type.
import type { ResourceToken } from '../../machinery/meta.ts';
import type { Deployment, ReplicaSet } from './apps-v1.ts';
import type { Lease } from './coordination-v1.ts';
import type {
  ConfigMap, Endpoints, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount,
} from './core-v1.ts';
import type { EndpointSlice } from './discovery-v1.ts';

const core = (plural: string, kind: string, namespaced = true) => ({ group: '', version: 'v1', plural, kind, namespaced });

export const configMaps: ResourceToken<ConfigMap> = core('configmaps', 'ConfigMap');
export const deployments: ResourceToken<Deployment> = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
export const endpoints: ResourceToken<Endpoints> = core('endpoints', 'Endpoints');
export const endpointSlices: ResourceToken<EndpointSlice> = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice', namespaced: true };
export const events: ResourceToken<Event> = core('events', 'Event');
export const leases: ResourceToken<Lease> = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };
export const namespaces: ResourceToken<Namespace> = core('namespaces', 'Namespace', false);
export const nodes: ResourceToken<Node> = core('nodes', 'Node', false);
export const pods: ResourceToken<Pod> = core('pods', 'Pod');
export const replicaSets: ResourceToken<ReplicaSet> = { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true };
export const secrets: ResourceToken<Secret> = core('secrets', 'Secret');
export const serviceAccounts: ResourceToken<ServiceAccount> = core('serviceaccounts', 'ServiceAccount');
export const services: ResourceToken<Service> = core('services', 'Service');
