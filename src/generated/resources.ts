// Written by `npm run gen`; do not edit.
// All served resource types, in discovery order of their folders.
import appsDeployments from '../apis/apps/deployments/definition.ts';
import appsReplicasets from '../apis/apps/replicasets/definition.ts';
import coordinationLeases from '../apis/coordination/leases/definition.ts';
import coreConfigmaps from '../apis/core/configmaps/definition.ts';
import coreEndpoints from '../apis/core/endpoints/definition.ts';
import coreEvents from '../apis/core/events/definition.ts';
import coreNamespaces from '../apis/core/namespaces/definition.ts';
import coreNodes from '../apis/core/nodes/definition.ts';
import corePods from '../apis/core/pods/definition.ts';
import coreSecrets from '../apis/core/secrets/definition.ts';
import coreServiceaccounts from '../apis/core/serviceaccounts/definition.ts';
import coreServices from '../apis/core/services/definition.ts';
import discoveryEndpointslices from '../apis/discovery/endpointslices/definition.ts';
import eventsEvents from '../apis/events/events/definition.ts';
import type { AnyResource } from '../machinery/resource.ts';

export const resources: readonly AnyResource[] = [
  appsDeployments,
  appsReplicasets,
  coordinationLeases,
  coreConfigmaps,
  coreEndpoints,
  coreEvents,
  coreNamespaces,
  coreNodes,
  corePods,
  coreSecrets,
  coreServiceaccounts,
  coreServices,
  discoveryEndpointslices,
  eventsEvents,
];
