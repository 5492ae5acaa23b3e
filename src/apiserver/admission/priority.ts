// A pod's priority follows from its class. PriorityClasses are not served yet: the two built-in ones are known, and 0 for
// everyone else.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { pods } from '../../generated/schemas/index.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin } from './chain.ts';

const builtIn: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

export const priority: AdmissionPlugin = {
  name: 'Priority',
  admit({ operation, definition, name, subresource, object, old }) {
    if (groupResource(definition) !== groupResource(pods) || subresource !== '') return;
    const pod = object as Pod;
    if (operation === 'UPDATE') {
      // What admission gave stays, when the client's update leaves it out.
      const before = (old as Pod).spec;
      pod.spec.priority ??= before.priority;
      pod.spec.preemptionPolicy ??= before.preemptionPolicy;
      return;
    }
    if (operation !== 'CREATE') return;
    const { priorityClassName = '' } = pod.spec;
    if (priorityClassName !== '' && !Object.hasOwn(builtIn, priorityClassName))
      throw errors.forbidden(definition, name, `no PriorityClass with name ${priorityClassName} was found`);
    const value = builtIn[priorityClassName] ?? 0;
    if (pod.spec.priority !== undefined && pod.spec.priority !== value)
      throw errors.forbidden(
        definition,
        name,
        `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    pod.spec.priority = value;
    const policy = 'PreemptLowerPriority';
    if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy)
      throw errors.forbidden(
        definition,
        name,
        `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    pod.spec.preemptionPolicy = policy;
  },
};
