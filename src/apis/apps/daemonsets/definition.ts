// apps/v1 DaemonSet. How often its template has changed is told by an annotation, as the old API versions' field is now.

import type { DaemonSet } from '../../../generated/schemas/apps-v1.ts';
import { daemonSets } from '../../../generated/schemas/index.ts';
import { errors } from '../../../machinery/errors.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual, validateLabelSelector } from '../../../machinery/validation.ts';
import { ageColumn, formatLabels, nameColumn, templateColumns } from '../../columns.ts';
import { defaultPodTemplate } from '../../core/podspec/defaults.ts';
import { validatePodTemplate } from '../../core/podspec/validation.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import {
  internalForm,
  isZero,
  selects,
  templateWarnings,
  validateAtMostWhole,
  validateCollisions,
  validateCountOrPercent,
  validateCounts,
  validateImmutableSelector,
  validateKeptRunning,
  validateMatch,
  validateNotEmpty,
} from '../validation.ts';

const generationAnnotation = 'deprecated.daemonset.template.generation';
const emptyStatus = (): DaemonSet['status'] => ({
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
});

function defaults(set: DaemonSet): void {
  set.spec ??= {} as DaemonSet['spec'];
  set.status = { ...emptyStatus(), ...set.status };
  const { spec } = set;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}

function templateGeneration(set: DaemonSet): number {
  const text = set.metadata.annotations?.[generationAnnotation];
  if (text === undefined) return 0;
  if (!/^[+-]?\d+$/.test(text))
    throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function setTemplateGeneration(set: DaemonSet, generation: number): void {
  set.metadata.annotations = { ...set.metadata.annotations, [generationAnnotation]: String(generation) };
}

function validateStrategy(problems: Problems, strategy: NonNullable<DaemonSet['spec']['updateStrategy']>): void {
  const path = 'spec.updateStrategy';
  if (strategy.type === 'OnDelete') return;
  if (strategy.type !== 'RollingUpdate') {
    problems.notSupported(path, internalForm(strategy, 'Type', 'RollingUpdate'), ['RollingUpdate', 'OnDelete']);
    return;
  }
  const at = `${path}.rollingUpdate`;
  if (!strategy.rollingUpdate) {
    problems.required(at);
    return;
  }
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  validateCountOrPercent(problems, `${at}.maxUnavailable`, maxUnavailable);
  validateCountOrPercent(problems, `${at}.maxSurge`, maxSurge);
  validateAtMostWhole(problems, `${at}.maxUnavailable`, maxUnavailable);
  validateAtMostWhole(problems, `${at}.maxSurge`, maxSurge);
  if (!isZero(maxUnavailable) && !isZero(maxSurge))
    problems.invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero');
  else if (isZero(maxUnavailable) && isZero(maxSurge))
    problems.required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0');
}

function validate({ spec }: DaemonSet): Problems {
  const problems = new Problems();
  problems.addAll(validateLabelSelector(spec.selector, 'spec.selector'));
  validateMatch(problems, spec.template, selects(spec.selector, spec.template));
  validateNotEmpty(problems, spec.selector, 'daemonset');
  validatePodTemplate(problems, 'spec.template', spec.template);
  validateKeptRunning(problems, spec.template, 'DaemonSet');
  problems.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  validateStrategy(problems, spec.updateStrategy ?? {});
  problems.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  return problems;
}

export default defineResource<DaemonSet>({
  ...daemonSets,
  singular: 'daemonset',
  shortNames: ['ds'],
  categories: ['all'],
  schema: 'io.k8s.api.apps.v1.DaemonSet',
  strategy: {
    revalidatesMetadata: true,
    defaults,
    prepareForCreate(set) {
      set.status = emptyStatus();
      setTemplateGeneration(set, Math.max(templateGeneration(set), 1));
    },
    prepareForUpdate(set, old) {
      set.status = old.status;
      templateGeneration(set);
      const changed = !deepEqual(set.spec.template, old.spec.template);
      setTemplateGeneration(set, templateGeneration(old) + (changed ? 1 : 0));
    },
    validate: (set) => validate(set).list,
    validateUpdate(set, old) {
      // Upstream looks at the spec twice here.
      const problems = validate(set);
      validateImmutableSelector(problems, set.spec.selector, old.spec.selector);
      return problems.list;
    },
    warnings: templateWarnings,
  },
  columns: [
    nameColumn,
    {
      name: 'Desired',
      type: 'integer',
      doc: 'apps.v1.DaemonSetStatus.desiredNumberScheduled',
      cell: (set) => set.status?.desiredNumberScheduled ?? 0,
    },
    {
      name: 'Current',
      type: 'integer',
      doc: 'apps.v1.DaemonSetStatus.currentNumberScheduled',
      cell: (set) => set.status?.currentNumberScheduled ?? 0,
    },
    {
      name: 'Ready',
      type: 'integer',
      doc: 'extensions.v1beta1.DaemonSetStatus.numberReady',
      cell: (set) => set.status?.numberReady ?? 0,
    },
    {
      name: 'Up-to-date',
      type: 'integer',
      doc: 'apps.v1.DaemonSetStatus.updatedNumberScheduled',
      cell: (set) => set.status?.updatedNumberScheduled ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      doc: 'apps.v1.DaemonSetStatus.numberAvailable',
      cell: (set) => set.status?.numberAvailable ?? 0,
    },
    {
      name: 'Node Selector',
      type: 'string',
      doc: 'core.v1.PodSpec.nodeSelector',
      cell: (set) => formatLabels(set.spec?.template?.spec?.nodeSelector),
    },
    ageColumn,
    ...templateColumns<DaemonSet>('extensions.v1beta1.DaemonSetSpec.selector'),
  ],
  subresources: [
    statusSubresource<DaemonSet>({
      prepare(set) {
        set.status = { ...emptyStatus(), ...set.status };
      },
      validate(set, old) {
        const problems = new Problems();
        validateCounts(
          problems,
          set.status,
          [
            'currentNumberScheduled',
            'numberMisscheduled',
            'desiredNumberScheduled',
            'numberReady',
            'observedGeneration',
            'updatedNumberScheduled',
            'numberAvailable',
            'numberUnavailable',
            'collisionCount',
          ],
          [],
        );
        validateCollisions(problems, set.status.collisionCount, old.status?.collisionCount);
        return problems.list;
      },
    }),
  ],
});
