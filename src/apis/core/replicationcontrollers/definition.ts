// v1 ReplicationController: the elder ReplicaSet, whose selector is a plain map.

import type { ReplicationController } from '../../../generated/schemas/core-v1.ts';
import { replicationControllers } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { matchesLabels, selectorFromSet } from '../../../machinery/selectors.ts';
import { nameWarnings, templateWarnings, unmatchedMessage, validateCounts } from '../../apps/validation.ts';
import { ageColumn, containerColumns, formatLabels, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { scaleBy, statusSubresource } from '../../subresources.ts';
import { goMap } from '../go-forms.ts';
import { defaultPodTemplate } from '../podspec/defaults.ts';
import { validatePodTemplate } from '../podspec/validation.ts';

/** Absent labels of the controller, and an absent selector, are the template's labels. */
function defaults(controller: ReplicationController): void {
  controller.spec ??= {};
  controller.status ??= { replicas: 0 };
  controller.status.replicas ??= 0;
  const { spec, metadata } = controller;
  spec.replicas ??= 1;
  if (!spec.template) return;
  const labels = spec.template.metadata?.labels;
  if (labels) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  }
  defaultPodTemplate(spec.template);
}

function validateTemplate(problems: Problems, { template, selector = {} }: ReplicationController['spec']): void {
  const path = 'spec.template';
  if (!template) {
    problems.required(path);
    return;
  }
  if (!matchesLabels(selectorFromSet(selector), template.metadata?.labels))
    problems.invalid(`${path}.metadata.labels`, goMap(template.metadata?.labels), unmatchedMessage);
  validatePodTemplate(problems, path, template);
  if (template.spec?.restartPolicy !== 'Always')
    problems.notSupported(`${path}.spec.restartPolicy`, template.spec?.restartPolicy ?? '', ['Always']);
  if (template.spec?.activeDeadlineSeconds !== undefined)
    problems.forbidden(
      `${path}.spec.activeDeadlineSeconds`,
      'activeDeadlineSeconds in ReplicationController is not Supported',
    );
}

function validate({ spec }: ReplicationController): Problems {
  const problems = new Problems();
  problems.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  if (Object.keys(spec.selector ?? {}).length === 0) problems.required('spec.selector');
  problems.nonNegative('spec.replicas', spec.replicas);
  validateTemplate(problems, spec);
  return problems;
}

export default defineResource<ReplicationController>({
  ...replicationControllers,
  singular: 'replicationcontroller',
  shortNames: ['rc'],
  categories: ['all'],
  schema: 'io.k8s.api.core.v1.ReplicationController',
  strategy: {
    revalidatesMetadata: true,
    defaults,
    prepareForCreate(controller) {
      controller.status = { replicas: 0 };
    },
    prepareForUpdate(controller, old) {
      controller.status = old.status;
    },
    validate: (controller) => validate(controller).list,
    // Upstream looks at the spec twice here.
    validateUpdate: (controller) => validate(controller).list,
    warnings: (object, old) => [...nameWarnings(object, old), ...templateWarnings(object, old)],
    orphansDependents: true,
  },
  columns: [
    nameColumn,
    {
      name: 'Desired',
      type: 'integer',
      doc: 'core.v1.ReplicationControllerSpec.replicas',
      cell: (controller) => controller.spec?.replicas ?? 0,
    },
    {
      name: 'Current',
      type: 'integer',
      doc: 'core.v1.ReplicationControllerStatus.replicas',
      cell: (controller) => controller.status?.replicas ?? 0,
    },
    {
      name: 'Ready',
      type: 'integer',
      doc: 'core.v1.ReplicationControllerStatus.readyReplicas',
      cell: (controller) => controller.status?.readyReplicas ?? 0,
    },
    ageColumn,
    ...containerColumns<ReplicationController>(1, (controller) => controller.spec?.template),
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      doc: 'core.v1.ReplicationControllerSpec.selector',
      cell: (controller) => formatLabels(controller.spec?.selector),
    },
  ],
  selectableFields: { 'status.replicas': (controller) => String(controller.status?.replicas ?? 0) },
  subresources: [
    statusSubresource<ReplicationController>({
      prepare(controller) {
        controller.status ??= { replicas: 0 };
        controller.status.replicas ??= 0;
      },
      validate(controller) {
        const problems = new Problems();
        validateCounts(
          problems,
          controller.status,
          ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'],
          ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'],
        );
        return problems.list;
      },
    }),
    scaleBy<ReplicationController>((controller) => selectorFromSet(controller.spec.selector)),
  ],
});
