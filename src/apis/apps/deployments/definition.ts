// apps/v1 Deployment.

import type { Deployment } from '../../../generated/schemas/apps-v1.ts';
import { deployments } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn, templateColumns } from '../../columns.ts';
import { defaultPodTemplate } from '../../core/podspec/defaults.ts';
import { Problems } from '../../problems.ts';
import { scaleSubresource, statusSubresource } from '../../subresources.ts';
import {
  internalForm,
  isZero,
  nameWarnings,
  templateWarnings,
  validateAtMostWhole,
  validateCollisions,
  validateCountOrPercent,
  validateCounts,
  validateImmutableSelector,
  validateSelector,
  validateTemplate,
} from '../validation.ts';

function defaults(deployment: Deployment): void {
  deployment.spec ??= {} as Deployment['spec'];
  deployment.status ??= {};
  const { spec } = deployment;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}

function validateStrategy(problems: Problems, deployment: Deployment): void {
  const path = 'spec.strategy';
  const strategy = deployment.spec.strategy ?? {};
  if (strategy.type === 'Recreate') {
    if (strategy.rollingUpdate)
      problems.forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'");
  } else if (strategy.type === 'RollingUpdate') {
    const rolling = strategy.rollingUpdate;
    if (!rolling) {
      problems.required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil');
      return;
    }
    const at = `${path}.rollingUpdate`;
    validateCountOrPercent(problems, `${at}.maxUnavailable`, rolling.maxUnavailable);
    validateCountOrPercent(problems, `${at}.maxSurge`, rolling.maxSurge);
    if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge))
      problems.invalid(`${at}.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0');
    validateAtMostWhole(problems, `${at}.maxUnavailable`, rolling.maxUnavailable);
  } else problems.notSupported(path, internalForm(strategy, 'Type', 'RollingUpdate'), ['Recreate', 'RollingUpdate']);
}

function validate(deployment: Deployment): Problems {
  const problems = new Problems();
  const { spec } = deployment;
  problems.nonNegative('spec.replicas', spec.replicas);
  validateSelector(problems, spec.selector, 'deployment');
  validateTemplate(problems, spec.template, spec.selector);
  validateStrategy(problems, deployment);
  problems.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  problems.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  problems.nonNegative('spec.progressDeadlineSeconds', deadline);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    problems.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
  return problems;
}

export default defineResource<Deployment>({
  ...deployments,
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  schema: 'io.k8s.api.apps.v1.Deployment',
  strategy: {
    defaults,
    prepareForCreate(deployment) {
      deployment.status = {};
    },
    prepareForUpdate(deployment, old) {
      deployment.status = old.status;
      // Annotations are copied to the replica sets, so they count as something to do.
      if (!deepEqual(deployment.metadata.annotations, old.metadata.annotations))
        deployment.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validate: (deployment) => validate(deployment).list,
    validateUpdate(deployment, old) {
      const problems = new Problems();
      validateImmutableSelector(problems, deployment.spec.selector, old.spec.selector);
      return problems.list;
    },
    warnings: (object, old) => [...nameWarnings(object, old), ...templateWarnings(object, old)],
  },
  columns: [
    nameColumn,
    {
      name: 'Ready',
      type: 'string',
      description: 'Number of the pod with ready state',
      cell: (deployment) => `${deployment.status?.readyReplicas ?? 0}/${deployment.spec?.replicas ?? 0}`,
    },
    {
      name: 'Up-to-date',
      type: 'string',
      doc: 'apps.v1.DeploymentStatus.updatedReplicas',
      cell: (deployment) => deployment.status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'string',
      doc: 'apps.v1.DeploymentStatus.availableReplicas',
      cell: (deployment) => deployment.status?.availableReplicas ?? 0,
    },
    ageColumn,
    ...templateColumns<Deployment>('extensions.v1beta1.DeploymentSpec.selector'),
  ],
  subresources: [
    statusSubresource<Deployment>({
      resetFields: ['metadata.labels'],
      prepare(deployment, old) {
        deployment.status ??= {};
        // The status endpoint changes no labels; annotations it may (the controller's revision).
        if (old.metadata.labels) deployment.metadata.labels = old.metadata.labels;
        else delete deployment.metadata.labels;
      },
      validate(deployment, old) {
        const problems = new Problems();
        validateCounts(
          problems,
          deployment.status,
          [
            'observedGeneration',
            'replicas',
            'updatedReplicas',
            'readyReplicas',
            'availableReplicas',
            'unavailableReplicas',
            'collisionCount',
          ],
          ['updatedReplicas', 'readyReplicas', 'availableReplicas'],
        );
        validateCollisions(problems, deployment.status.collisionCount, old.status?.collisionCount);
        return problems.list;
      },
    }),
    scaleSubresource<Deployment>(),
  ],
});
