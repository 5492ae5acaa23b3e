// Written by `npm run gen`; do not edit.
// All controllers, each made from the options of the cluster it runs in.
import { create as clusterroleAggregation } from '../controllers/clusterrole-aggregation/controller.ts';
import { create as deployment } from '../controllers/deployment/controller.ts';
import { create as endpoints } from '../controllers/endpoints/controller.ts';
import { create as endpointslice } from '../controllers/endpointslice/controller.ts';
import { create as garbageCollector } from '../controllers/garbage-collector/controller.ts';
import { create as namespace } from '../controllers/namespace/controller.ts';
import { create as nodeIpam } from '../controllers/node-ipam/controller.ts';
import { create as nodeLifecycle } from '../controllers/node-lifecycle/controller.ts';
import { create as podGarbageCollector } from '../controllers/pod-garbage-collector/controller.ts';
import { create as pvProtection } from '../controllers/pv-protection/controller.ts';
import { create as pvcProtection } from '../controllers/pvc-protection/controller.ts';
import { create as replicaset } from '../controllers/replicaset/controller.ts';
import { create as replicationcontroller } from '../controllers/replicationcontroller/controller.ts';
import { create as resourcequota } from '../controllers/resourcequota/controller.ts';
import { create as rootCaPublisher } from '../controllers/root-ca-publisher/controller.ts';
import { create as serviceaccount } from '../controllers/serviceaccount/controller.ts';
import { create as serviceaccountToken } from '../controllers/serviceaccount-token/controller.ts';
import { create as tokenCleaner } from '../controllers/token-cleaner/controller.ts';
import type { ControllerOptions } from '../controllers/lib/options.ts';
import type { Controller } from '../reconcile/types.ts';

export const controllers: readonly ((options: ControllerOptions) => Controller)[] = [
  clusterroleAggregation,
  deployment,
  endpoints,
  endpointslice,
  garbageCollector,
  namespace,
  nodeIpam,
  nodeLifecycle,
  podGarbageCollector,
  pvProtection,
  pvcProtection,
  replicaset,
  replicationcontroller,
  resourcequota,
  rootCaPublisher,
  serviceaccount,
  serviceaccountToken,
  tokenCleaner,
];
