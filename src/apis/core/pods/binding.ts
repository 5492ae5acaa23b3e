// pods/binding: gives a pod its node, once.

import type { Binding, Pod } from '../../../generated/schemas/core-v1.ts';
import { nodes } from '../../../generated/schemas/index.ts';
import { errors, type FieldError } from '../../../machinery/errors.ts';
import type { StrategyContext, Subresource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { Problems } from '../../problems.ts';

/** Labels of its node that a pod takes on when it is bound, so that the downward API can tell them. */
const topologyLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

function validate(binding: Partial<Binding>): FieldError[] {
  const problems = new Problems();
  const kind = binding.target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') problems.notSupported('target.kind', kind, ['Node', '<empty>']);
  if (!binding.target?.name) problems.required('target.name');
  return problems.list;
}

function apply(pod: Pod, body: Record<string, unknown>, context: StrategyContext): FieldError[] {
  const binding = body as unknown as Partial<Binding>;
  const problems = validate(binding);
  if (problems.length > 0) return problems;
  const { name } = pod.metadata;
  const refuse = (why: string): never => {
    throw errors.conflict({ group: '', plural: 'pods/binding' }, name, why);
  };
  const uid = binding.metadata?.uid;
  if (uid && uid !== pod.metadata.uid)
    refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  if (pod.metadata.deletionTimestamp !== undefined)
    refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) refuse(`pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  if (pod.spec.schedulingGates?.length) refuse(`pod ${name} has non-empty .spec.schedulingGates`);

  const nodeName = binding.target?.name as string;
  pod.spec = { ...pod.spec, nodeName };
  const given = binding.metadata?.annotations;
  if (given && Object.keys(given).length > 0) pod.metadata.annotations = { ...pod.metadata.annotations, ...given };
  const node = context.get(nodes, undefined, nodeName);
  const labels = { ...binding.metadata?.labels };
  for (const key of topologyLabels) {
    const value = node?.metadata.labels?.[key];
    if (value !== undefined) labels[key] = value;
  }
  if (Object.keys(labels).length > 0) pod.metadata.labels = { ...pod.metadata.labels, ...labels };

  const { nominatedNodeName: _nominated, ...status } = pod.status ?? {};
  const others = (status.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled');
  pod.status = {
    ...status,
    conditions: [
      ...others,
      {
        type: 'PodScheduled',
        ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
        status: 'True',
        lastTransitionTime: formatTime(context.clock.now()),
      },
    ],
  };
  return [];
}

export const binding: Subresource<Pod> = {
  name: 'binding',
  verbs: ['create'],
  kind: { group: '', version: 'v1', kind: 'Binding', schema: 'io.k8s.api.core.v1.Binding' },
  collection: 'bindings',
  behaviour: { type: 'action', apply },
};
