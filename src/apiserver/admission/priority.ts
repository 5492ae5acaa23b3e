// A pod's priority follows from its class, or from the class that is the default; of those there is one.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { priorityClasses } from '../../generated/schemas/index.ts';
import type { PriorityClass } from '../../generated/schemas/scheduling-v1.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

export const priority: AdmissionPlugin = {
  name: 'Priority',
  admit(request) {
    const { operation, definition, subresource, object, old } = request;
    if (groupResource(definition) !== 'pods' || subresource !== '') return;
    const pod = object as Pod;
    if (operation === 'UPDATE') {
      // What admission gave stays, when the client's update leaves it out.
      const before = (old as Pod).spec;
      pod.spec.priority ??= before.priority;
      pod.spec.preemptionPolicy ??= before.preemptionPolicy;
    }
    if (operation === 'CREATE') prioritize(request, pod);
  },
  validate(request) {
    const { operation, definition, name, object } = request;
    if (groupResource(definition) !== groupResource(priorityClasses) || !(object as PriorityClass)?.globalDefault)
      return;
    const present = defaultClass(request);
    if (present && (operation === 'CREATE' || present.metadata.name !== object?.metadata.name))
      throw errors.forbidden(
        definition,
        name,
        `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`,
      );
  },
};

/** Should there be several, the lowest. */
function defaultClass({ list, context }: AdmissionRequest): PriorityClass | undefined {
  if (!context.tagged(priorityClasses, 'globalDefault')) return undefined;
  return list(priorityClasses, '')
    .filter((one) => one.globalDefault)
    .sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

function prioritize(request: AdmissionRequest, pod: Pod): void {
  const { definition, name } = request;
  const refuse = (why: string) => errors.forbidden(definition, name, why);
  const { priorityClassName = '' } = pod.spec;
  const found =
    priorityClassName === ''
      ? defaultClass(request)
      : request.context.get<PriorityClass>(priorityClasses, undefined, priorityClassName);
  if (!found && priorityClassName !== '') throw refuse(`no PriorityClass with name ${priorityClassName} was found`);
  if (found) pod.spec.priorityClassName = found.metadata.name;
  const computed = 'must not be provided in pod spec; priority admission controller computed';
  const value = found?.value ?? 0;
  if (pod.spec.priority !== undefined && pod.spec.priority !== value)
    throw refuse(
      `the integer value of priority (${pod.spec.priority}) ${computed} ${value} from the given PriorityClass name`,
    );
  pod.spec.priority = value;
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy)
    throw refuse(
      `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) ${computed} ${policy} from the given PriorityClass name`,
    );
  pod.spec.preemptionPolicy = policy;
}
