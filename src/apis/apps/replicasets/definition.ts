// apps/v1 ReplicaSet.

import type { ReplicaSet } from '../../../generated/schemas/apps-v1.ts';
import { replicaSets } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn, templateColumns } from '../../columns.ts';
import { defaultPodTemplate } from '../../core/podspec/defaults.ts';
import { Problems } from '../../problems.ts';
import { scaleSubresource, statusSubresource } from '../../subresources.ts';
import {
  nameWarnings,
  templateWarnings,
  validateCounts,
  validateImmutableSelector,
  validateSelector,
  validateTemplate,
} from '../validation.ts';

function validate(set: ReplicaSet): Problems {
  const problems = new Problems();
  problems.nonNegative('spec.replicas', set.spec.replicas);
  problems.nonNegative('spec.minReadySeconds', set.spec.minReadySeconds);
  // Upstream names the deployment here too.
  validateSelector(problems, set.spec.selector, 'deployment');
  validateTemplate(problems, set.spec.template, set.spec.selector);
  return problems;
}

export default defineResource<ReplicaSet>({
  ...replicaSets,
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  schema: 'io.k8s.api.apps.v1.ReplicaSet',
  strategy: {
    revalidatesMetadata: true,
    defaults(set) {
      set.spec ??= {} as ReplicaSet['spec'];
      set.status ??= { replicas: 0 };
      set.status.replicas ??= 0;
      set.spec.replicas ??= 1;
      set.spec.template ??= {};
      defaultPodTemplate(set.spec.template);
    },
    prepareForCreate(set) {
      set.status = { replicas: 0 };
    },
    prepareForUpdate(set, old) {
      set.status = old.status;
    },
    validate: (set) => validate(set).list,
    validateUpdate(set, old) {
      // Upstream looks at the spec twice here.
      const problems = validate(set);
      validateImmutableSelector(problems, set.spec.selector, old.spec.selector);
      return problems.list;
    },
    warnings: (object, old) => [...nameWarnings(object, old), ...templateWarnings(object, old)],
  },
  columns: [
    nameColumn,
    {
      name: 'Desired',
      type: 'integer',
      doc: 'apps.v1.ReplicaSetSpec.replicas',
      cell: (set) => set.spec?.replicas ?? 0,
    },
    {
      name: 'Current',
      type: 'integer',
      doc: 'apps.v1.ReplicaSetStatus.replicas',
      cell: (set) => set.status?.replicas ?? 0,
    },
    {
      name: 'Ready',
      type: 'integer',
      doc: 'apps.v1.ReplicaSetStatus.readyReplicas',
      cell: (set) => set.status?.readyReplicas ?? 0,
    },
    ageColumn,
    ...templateColumns<ReplicaSet>('extensions.v1beta1.ReplicaSetSpec.selector'),
  ],
  subresources: [
    statusSubresource<ReplicaSet>({
      prepare(set) {
        set.status ??= { replicas: 0 };
        set.status.replicas ??= 0;
      },
      validate(set) {
        const problems = new Problems();
        validateCounts(
          problems,
          set.status,
          ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'],
          ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'],
        );
        return problems.list;
      },
    }),
    scaleSubresource<ReplicaSet>(),
  ],
});
