// scheduling.k8s.io/v1 PriorityClass. Value and preemption policy never change; the names that begin with `system-` are the
// cluster's own.
import { priorityClasses } from '../../../generated/schemas/index.ts';
import type { PriorityClass } from '../../../generated/schemas/scheduling-v1.ts';
import type { New } from '../../../machinery/meta.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';

const systemPrefix = 'system-';
/** The highest priority that users may define. */
const userPriorityMax = 1_000_000_000;
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];

const systemClasses: readonly New<PriorityClass>[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
    preemptionPolicy: 'PreemptLowerPriority',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    preemptionPolicy: 'PreemptLowerPriority',
  },
];

/** What is wrong with an object that has a reserved name. */
function systemProblem({ metadata, value = 0, globalDefault = false }: PriorityClass): string | undefined {
  const known = systemClasses.find((one) => one.metadata.name === metadata.name);
  if (!known) return `${metadata.name} is not a known system priority class`;
  if (value !== known.value) return `value of ${metadata.name} PriorityClass must be ${known.value}`;
  if (globalDefault) return `globalDefault of ${metadata.name} PriorityClass must be false`;
  return undefined;
}

export default defineResource<PriorityClass>({
  ...priorityClasses,
  singular: 'priorityclass',
  shortNames: ['pc'],
  schema: 'io.k8s.api.scheduling.v1.PriorityClass',
  strategy: {
    // Upstream sets it once and never raises it.
    generation: false,
    defaults(priorityClass) {
      priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareForCreate(priorityClass) {
      priorityClass.metadata.generation = 1;
    },
    validate(priorityClass, { operation }) {
      const problems = new Problems();
      // An update changes nothing of what this is about.
      if (operation === 'update') return problems.list;
      const { name = '' } = priorityClass.metadata;
      if (name.startsWith(systemPrefix)) {
        const problem = systemProblem(priorityClass);
        if (problem !== undefined)
          problems.forbidden(
            'metadata.name',
            `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`,
          );
      } else if ((priorityClass.value ?? 0) > userPriorityMax) {
        problems.forbidden('value', `maximum allowed value of a user defined priority is ${userPriorityMax}`);
      }
      const policy = priorityClass.preemptionPolicy;
      if (policy === ('' as string)) problems.required('preemptionPolicy');
      else if (policy !== undefined && !preemptionPolicies.includes(policy))
        problems.notSupported('preemptionPolicy', policy, preemptionPolicies);
      return problems.list;
    },
    validateUpdate(priorityClass, old) {
      const problems = new Problems();
      if ((priorityClass.value ?? 0) !== (old.value ?? 0))
        problems.forbidden('value', 'may not be changed in an update.');
      if (priorityClass.preemptionPolicy !== old.preemptionPolicy)
        problems.invalid('preemptionPolicy', priorityClass.preemptionPolicy, fieldImmutableMessage);
      return problems.list;
    },
  },
  indexes: (priorityClass) => (priorityClass.globalDefault ? ['globalDefault'] : []),
  bootstrap: { objects: () => systemClasses },
  columns: [
    nameColumn,
    {
      name: 'Value',
      type: 'integer',
      doc: 'scheduling.v1.PriorityClass.value',
      cell: (priorityClass) => priorityClass.value ?? 0,
    },
    {
      name: 'Global-Default',
      type: 'boolean',
      doc: 'scheduling.v1.PriorityClass.globalDefault',
      cell: (priorityClass) => priorityClass.globalDefault ?? false,
    },
    ageColumn,
    {
      name: 'PreemptionPolicy',
      type: 'string',
      doc: 'scheduling.v1.PriorityClass.preemptionPolicy',
      cell: (priorityClass) => priorityClass.preemptionPolicy ?? '',
    },
  ],
});
