// Written by `npm run gen`; do not edit.
// All served resource types, in discovery order of their folders.
import apiregistrationApiservices from '../apis/apiregistration/apiservices/definition.ts';
import appsControllerrevisions from '../apis/apps/controllerrevisions/definition.ts';
import appsDaemonsets from '../apis/apps/daemonsets/definition.ts';
import appsDeployments from '../apis/apps/deployments/definition.ts';
import appsReplicasets from '../apis/apps/replicasets/definition.ts';
import appsStatefulsets from '../apis/apps/statefulsets/definition.ts';
import autoscalingHorizontalpodautoscalersV1 from '../apis/autoscaling/horizontalpodautoscalers/definition.v1.ts';
import autoscalingHorizontalpodautoscalers from '../apis/autoscaling/horizontalpodautoscalers/definition.ts';
import batchCronjobs from '../apis/batch/cronjobs/definition.ts';
import batchJobs from '../apis/batch/jobs/definition.ts';
import certificatesCertificatesigningrequests from '../apis/certificates/certificatesigningrequests/definition.ts';
import coordinationLeases from '../apis/coordination/leases/definition.ts';
import coreComponentstatuses from '../apis/core/componentstatuses/definition.ts';
import coreConfigmaps from '../apis/core/configmaps/definition.ts';
import coreEndpoints from '../apis/core/endpoints/definition.ts';
import coreEvents from '../apis/core/events/definition.ts';
import coreLimitranges from '../apis/core/limitranges/definition.ts';
import coreNamespaces from '../apis/core/namespaces/definition.ts';
import coreNodes from '../apis/core/nodes/definition.ts';
import corePersistentvolumeclaims from '../apis/core/persistentvolumeclaims/definition.ts';
import corePersistentvolumes from '../apis/core/persistentvolumes/definition.ts';
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
import metricsNodes from '../apis/metrics/nodes/definition.ts';
import metricsPods from '../apis/metrics/pods/definition.ts';
import networkingIngressclasses from '../apis/networking/ingressclasses/definition.ts';
import networkingIngresses from '../apis/networking/ingresses/definition.ts';
import networkingIpaddresses from '../apis/networking/ipaddresses/definition.ts';
import networkingNetworkpolicies from '../apis/networking/networkpolicies/definition.ts';
import networkingServicecidrs from '../apis/networking/servicecidrs/definition.ts';
import nodeRuntimeclasses from '../apis/node/runtimeclasses/definition.ts';
import policyPoddisruptionbudgets from '../apis/policy/poddisruptionbudgets/definition.ts';
import rbacClusterrolebindings from '../apis/rbac/clusterrolebindings/definition.ts';
import rbacClusterroles from '../apis/rbac/clusterroles/definition.ts';
import rbacRolebindings from '../apis/rbac/rolebindings/definition.ts';
import rbacRoles from '../apis/rbac/roles/definition.ts';
import resourceDeviceclasses from '../apis/resource/deviceclasses/definition.ts';
import resourceResourceclaims from '../apis/resource/resourceclaims/definition.ts';
import resourceResourceclaimtemplates from '../apis/resource/resourceclaimtemplates/definition.ts';
import resourceResourceslices from '../apis/resource/resourceslices/definition.ts';
import schedulingPriorityclasses from '../apis/scheduling/priorityclasses/definition.ts';
import storageCsidrivers from '../apis/storage/csidrivers/definition.ts';
import storageCsinodes from '../apis/storage/csinodes/definition.ts';
import storageCsistoragecapacities from '../apis/storage/csistoragecapacities/definition.ts';
import storageStorageclasses from '../apis/storage/storageclasses/definition.ts';
import storageVolumeattachments from '../apis/storage/volumeattachments/definition.ts';
import storageVolumeattributesclasses from '../apis/storage/volumeattributesclasses/definition.ts';
import type { AnyResource } from '../machinery/resource.ts';

export const resources: readonly AnyResource[] = [
  apiregistrationApiservices,
  appsControllerrevisions,
  appsDaemonsets,
  appsDeployments,
  appsReplicasets,
  appsStatefulsets,
  autoscalingHorizontalpodautoscalersV1,
  autoscalingHorizontalpodautoscalers,
  batchCronjobs,
  batchJobs,
  certificatesCertificatesigningrequests,
  coordinationLeases,
  coreComponentstatuses,
  coreConfigmaps,
  coreEndpoints,
  coreEvents,
  coreLimitranges,
  coreNamespaces,
  coreNodes,
  corePersistentvolumeclaims,
  corePersistentvolumes,
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
  metricsNodes,
  metricsPods,
  networkingIngressclasses,
  networkingIngresses,
  networkingIpaddresses,
  networkingNetworkpolicies,
  networkingServicecidrs,
  nodeRuntimeclasses,
  policyPoddisruptionbudgets,
  rbacClusterrolebindings,
  rbacClusterroles,
  rbacRolebindings,
  rbacRoles,
  resourceDeviceclasses,
  resourceResourceclaims,
  resourceResourceclaimtemplates,
  resourceResourceslices,
  schedulingPriorityclasses,
  storageCsidrivers,
  storageCsinodes,
  storageCsistoragecapacities,
  storageStorageclasses,
  storageVolumeattachments,
  storageVolumeattributesclasses,
];
