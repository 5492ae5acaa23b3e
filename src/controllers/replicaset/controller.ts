// ReplicaSets: keep the wanted number of pods of a template (lib/replicas).
import type { ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import { replicaSets } from '../../generated/schemas/index.ts';
import type { Controller } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { type ReplicaKind, replicaController } from '../lib/replicas/controller.ts';

const kind: ReplicaKind<ReplicaSet> = {
  name: 'replicaset-controller',
  resource: replicaSets,
  asSet: (set) => set,
  withStatus: (set, status) => ({ ...set, status }),
};

export const create = (_options: ControllerOptions): Controller => replicaController(kind);
