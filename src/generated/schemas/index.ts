// Written by `npm run gen`; do not edit.
// Tokens of the resource types that this release serves, each carrying its TypeScript type.
import type { ResourceToken } from '../../machinery/meta.ts';
import type { Deployment, ReplicaSet } from './apps-v1.ts';
import type { Lease } from './coordination-v1.ts';
import type { ConfigMap, Endpoints, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount } from './core-v1.ts';
import type { EndpointSlice } from './discovery-v1.ts';
import type { Event as EventV1 } from './events-v1.ts';

export const configMaps: ResourceToken<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
export const deployments: ResourceToken<Deployment> = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
export const endpoints: ResourceToken<Endpoints> = { group: '', version: 'v1', plural: 'endpoints', kind: 'Endpoints', namespaced: true };
export const endpointSlices: ResourceToken<EndpointSlice> = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice', namespaced: true };
export const events: ResourceToken<Event> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
export const eventsV1: ResourceToken<EventV1> = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
export const leases: ResourceToken<Lease> = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };
export const namespaces: ResourceToken<Namespace> = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
export const nodes: ResourceToken<Node> = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };
export const pods: ResourceToken<Pod> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
export const replicaSets: ResourceToken<ReplicaSet> = { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true };
export const secrets: ResourceToken<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
export const serviceAccounts: ResourceToken<ServiceAccount> = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
export const services: ResourceToken<Service> = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };
