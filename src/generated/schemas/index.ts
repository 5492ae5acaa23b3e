// Written by `npm run gen`; do not edit.
// Tokens of the resource types that this release serves, each carrying its TypeScript type.
import type { ResourceToken } from '../../machinery/meta.ts';
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from './apps-v1.ts';
import type { Lease } from './coordination-v1.ts';
import type { ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount } from './core-v1.ts';
import type { EndpointSlice } from './discovery-v1.ts';
import type { Event as EventV1 } from './events-v1.ts';
import type { RuntimeClass } from './node-v1.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from './rbac-v1.ts';
import type { PriorityClass } from './scheduling-v1.ts';

export const clusterRoleBindings: ResourceToken<ClusterRoleBinding> = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', namespaced: false };
export const clusterRoles: ResourceToken<ClusterRole> = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', kind: 'ClusterRole', namespaced: false };
export const configMaps: ResourceToken<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
export const controllerRevisions: ResourceToken<ControllerRevision> = { group: 'apps', version: 'v1', plural: 'controllerrevisions', kind: 'ControllerRevision', namespaced: true };
export const daemonSets: ResourceToken<DaemonSet> = { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true };
export const deployments: ResourceToken<Deployment> = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
export const endpoints: ResourceToken<Endpoints> = { group: '', version: 'v1', plural: 'endpoints', kind: 'Endpoints', namespaced: true };
export const endpointSlices: ResourceToken<EndpointSlice> = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice', namespaced: true };
export const events: ResourceToken<Event> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
export const eventsV1: ResourceToken<EventV1> = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };
export const leases: ResourceToken<Lease> = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };
export const limitRanges: ResourceToken<LimitRange> = { group: '', version: 'v1', plural: 'limitranges', kind: 'LimitRange', namespaced: true };
export const namespaces: ResourceToken<Namespace> = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
export const nodes: ResourceToken<Node> = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };
export const pods: ResourceToken<Pod> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
export const podTemplates: ResourceToken<PodTemplate> = { group: '', version: 'v1', plural: 'podtemplates', kind: 'PodTemplate', namespaced: true };
export const priorityClasses: ResourceToken<PriorityClass> = { group: 'scheduling.k8s.io', version: 'v1', plural: 'priorityclasses', kind: 'PriorityClass', namespaced: false };
export const replicaSets: ResourceToken<ReplicaSet> = { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true };
export const replicationControllers: ResourceToken<ReplicationController> = { group: '', version: 'v1', plural: 'replicationcontrollers', kind: 'ReplicationController', namespaced: true };
export const resourceQuotas: ResourceToken<ResourceQuota> = { group: '', version: 'v1', plural: 'resourcequotas', kind: 'ResourceQuota', namespaced: true };
export const roleBindings: ResourceToken<RoleBinding> = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'rolebindings', kind: 'RoleBinding', namespaced: true };
export const roles: ResourceToken<Role> = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'roles', kind: 'Role', namespaced: true };
export const runtimeClasses: ResourceToken<RuntimeClass> = { group: 'node.k8s.io', version: 'v1', plural: 'runtimeclasses', kind: 'RuntimeClass', namespaced: false };
export const secrets: ResourceToken<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
export const serviceAccounts: ResourceToken<ServiceAccount> = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
export const services: ResourceToken<Service> = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };
export const statefulSets: ResourceToken<StatefulSet> = { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet', namespaced: true };
