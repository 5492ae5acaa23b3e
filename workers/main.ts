// The Worker: the gateway and the four classes of Durable Objects that a cluster is made of.
import { ApiServerObject } from './api-server/object.ts';
import { ControllerManagerObject } from './controller-manager/object.ts';
import { gateway } from './gateway/gateway.ts';
import { NodeLinkObject } from './node-link/object.ts';
import { SchedulerObject } from './scheduler/object.ts';

export {
  ApiServerObject as ApiServer,
  ControllerManagerObject as ControllerManager,
  NodeLinkObject as NodeLink,
  SchedulerObject as Scheduler,
};
export default gateway;
