// Written by `npm run gen`; do not edit.
// All served resource types, in discovery order of their folders.
import appsControllerrevisions from '../apis/apps/controllerrevisions/definition.ts';
import appsDaemonsets from '../apis/apps/daemonsets/definition.ts';
import appsDeployments from '../apis/apps/deployments/definition.ts';
import appsReplicasets from '../apis/apps/replicasets/definition.ts';
import appsStatefulsets from '../apis/apps/statefulsets/definition.ts';
import batchCronjobs from '../apis/batch/cronjobs/definition.ts';
import batchJobs from '../apis/batch/jobs/definition.ts';
import coordinationLeases from '../apis/coordination/leases/definition.ts';
import coreConfigmaps from '../apis/core/configmaps/definition.ts';
import coreEndpoints from '../apis/core/endpoints/definition.ts';
import coreEvents from '../apis/core/events/definition.ts';
import coreLimitranges from '../apis/core/limitranges/definition.ts';
import coreNamespaces from '../apis/core/namespaces/definition.ts';
import coreNodes from '../apis/core/nodes/definition.ts';
import corePods from '../apis/core/pods/definition.ts';
import corePodtemplates from '../apis/core/podtemplates/definition.ts';
import coreReplicationcontrollers from '../apis/core/replicationcontrollers/definition.ts';
import coreResourcequotas from '../apis/core/resourcequotas/definition.ts';
import coreSecrets from '../apis/core/secrets/definition.ts';
import coreServiceaccounts from '../apis/core/serviceaccounts/definition.ts';
import coreServices from '../apis/core/services/definition.ts';
import discoveryEndpointslices from '../apis/discovery/endpointslices/definition.ts';
import eventsEvents from '../apis/events/events/definition.ts';
import flowcontrolFlowschemas from '../apis/flowcontrol/flowschemas/definition.ts';
import flowcontrolPrioritylevelconfigurations from '../apis/flowcontrol/prioritylevelconfigurations/definition.ts';
import nodeRuntimeclasses from '../apis/node/runtimeclasses/definition.ts';
import rbacClusterrolebindings from '../apis/rbac/clusterrolebindings/definition.ts';
import rbacClusterroles from '../apis/rbac/clusterroles/definition.ts';
import rbacRolebindings from '../apis/rbac/rolebindings/definition.ts';
import rbacRoles from '../apis/rbac/roles/definition.ts';
import schedulingPriorityclasses from '../apis/scheduling/priorityclasses/definition.ts';
import storageCsidrivers from '../apis/storage/csidrivers/definition.ts';
import storageCsinodes from '../apis/storage/csinodes/definition.ts';
import storageCsistoragecapacities from '../apis/storage/csistoragecapacities/definition.ts';
import storageStorageclasses from '../apis/storage/storageclasses/definition.ts';
import storageVolumeattributesclasses from '../apis/storage/volumeattributesclasses/definition.ts';
import type { AnyResource } from '../machinery/resource.ts';

export const resources: readonly AnyResource[] = [
  appsControllerrevisions,
  appsDaemonsets,
  appsDeployments,
  appsReplicasets,
  appsStatefulsets,
  batchCronjobs,
  batchJobs,
  coordinationLeases,
  coreConfigmaps,
  coreEndpoints,
  coreEvents,
  coreLimitranges,
  coreNamespaces,
  coreNodes,
  corePods,
  corePodtemplates,
  coreReplicationcontrollers,
  coreResourcequotas,
  coreSecrets,
  coreServiceaccounts,
  coreServices,
  discoveryEndpointslices,
  eventsEvents,
  flowcontrolFlowschemas,
  flowcontrolPrioritylevelconfigurations,
  nodeRuntimeclasses,
  rbacClusterrolebindings,
  rbacClusterroles,
  rbacRolebindings,
  rbacRoles,
  schedulingPriorityclasses,
  storageCsidrivers,
  storageCsinodes,
  storageCsistoragecapacities,
  storageStorageclasses,
  storageVolumeattributesclasses,
];
