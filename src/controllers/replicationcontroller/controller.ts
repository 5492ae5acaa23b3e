// ReplicationControllers: as ReplicaSets (lib/replicas), with a plain map for a selector and without a count of pods on their
// way out.
import type { ReplicationController } from '../../generated/schemas/core-v1.ts';
import { replicationControllers } from '../../generated/schemas/index.ts';
import type { Controller } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { type ReplicaKind, replicaController } from '../lib/replicas/controller.ts';

const kind: ReplicaKind<ReplicationController> = {
  name: 'replication-controller',
  resource: replicationControllers,
  asSet: (controller) => ({
    ...controller,
    spec: { ...controller.spec, selector: { matchLabels: controller.spec.selector ?? {} } },
  }),
  withStatus: (controller, { terminatingReplicas: _, ...status }) => ({ ...controller, status }),
};

export const create = (_options: ControllerOptions): Controller => replicaController(kind);
