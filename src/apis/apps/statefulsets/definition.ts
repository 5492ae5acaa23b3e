// apps/v1 StatefulSet.

import type { StatefulSet } from '../../../generated/schemas/apps-v1.ts';
import { statefulSets } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { nameIsDnsLabel } from '../../../machinery/validation.ts';
import { ageColumn, containerColumns, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { scaleSubresource, statusSubresource } from '../../subresources.ts';
import { templateWarnings, validateCollisions, validateCounts } from '../validation.ts';
import { defaultStatefulSet, emptyStatus } from './defaults.ts';
import { validateStatefulSet, validateStatefulSetUpdate } from './validation.ts';

/** The beta that takes it is off: a limit of pods that an update may make unavailable is dropped, as upstream does. */
function dropMaxUnavailable({ spec }: StatefulSet): void {
  delete spec.updateStrategy?.rollingUpdate?.maxUnavailable;
}

function warnings(set: StatefulSet, old: StatefulSet | undefined): string[] {
  if (old && set.metadata.generation === old.metadata.generation) return [];
  const limit = set.spec.revisionHistoryLimit ?? 0;
  return [
    ...templateWarnings(set, old),
    ...(limit < 0
      ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']
      : []),
  ];
}

export default defineResource<StatefulSet>({
  ...statefulSets,
  singular: 'statefulset',
  shortNames: ['sts'],
  categories: ['all'],
  schema: 'io.k8s.api.apps.v1.StatefulSet',
  strategy: {
    validateName: nameIsDnsLabel,
    defaults: defaultStatefulSet,
    prepareForCreate(set) {
      set.status = emptyStatus();
      dropMaxUnavailable(set);
    },
    prepareForUpdate(set, old) {
      set.status = old.status;
      dropMaxUnavailable(set);
    },
    validate: (set, { operation }) => (operation === 'create' ? validateStatefulSet(set).list : []),
    validateUpdate: (set, old) => validateStatefulSetUpdate(set, old).list,
    warnings,
  },
  columns: [
    nameColumn,
    {
      name: 'Ready',
      type: 'string',
      description: 'Number of the pod with ready state',
      cell: (set) => `${set.status?.readyReplicas ?? 0}/${set.spec?.replicas ?? 0}`,
    },
    ageColumn,
    ...containerColumns<StatefulSet>(1, (set) => set.spec?.template),
  ],
  subresources: [
    statusSubresource<StatefulSet>({
      prepare(set) {
        set.status = { ...emptyStatus(), ...set.status };
      },
      validate(set, old) {
        const problems = new Problems();
        validateCounts(
          problems,
          set.status,
          [
            'replicas',
            'readyReplicas',
            'currentReplicas',
            'updatedReplicas',
            'availableReplicas',
            'observedGeneration',
            'collisionCount',
          ],
          ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'],
          'status.readyReplicas',
        );
        validateCollisions(problems, set.status.collisionCount, old.status?.collisionCount);
        return problems.list;
      },
    }),
    scaleSubresource<StatefulSet>(),
  ],
});
