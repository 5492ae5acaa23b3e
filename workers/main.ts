// The Worker: the gateway and the five classes of Durable Objects that a cluster is made of.
import { ApiServerObject } from './api-server/object.ts';
import { ControllerManagerObject } from './controller-manager/object.ts';
import { gateway } from './gateway/gateway.ts';
import { NodeLinkObject } from './node-link/object.ts';
import { Rendezvous } from './rendezvous/object.ts';
import { SchedulerObject } from './scheduler/object.ts';

export {
  ApiServerObject as ApiServer,
  ControllerManagerObject as ControllerManager,
  NodeLinkObject as NodeLink,
  Rendezvous,
  SchedulerObject as Scheduler,
};
export default gateway;
