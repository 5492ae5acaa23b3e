// Validation of a StatefulSet. What was stored before a rule came into being may stay: an update looks at the service's name
// and the claims, which do not change, not at all, and at the pod template only where the stored one is valid.

import type { StatefulSet, StatefulSetSpec } from '../../../generated/schemas/apps-v1.ts';
import type { PodTemplateSpec } from '../../../generated/schemas/core-v1.ts';
import { isDns1123Label } from '../../../machinery/names.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { goLabelSelector } from '../../core/go-forms.ts';
import { validateClaimSpec } from '../../core/persistentvolumeclaims/validation.ts';
import { validatePodTemplate } from '../../core/podspec/validation.ts';
import { Problems } from '../../problems.ts';
import {
  internalForm,
  isZero,
  selects,
  validateAtMostWhole,
  validateCountOrPercent,
  validateKeptRunning,
  validateMatch,
  validateSelector,
} from '../validation.ts';

interface Leniency {
  anyServiceName?: boolean;
  anyClaims?: boolean;
  anyTemplate?: boolean;
}

function validateUpdateStrategy(
  problems: Problems,
  { type, rollingUpdate }: NonNullable<StatefulSetSpec['updateStrategy']>,
): void {
  const path = 'spec.updateStrategy';
  const at = `${path}.rollingUpdate`;
  if (!type) problems.required(path);
  else if (type === 'OnDelete') {
    if (rollingUpdate)
      problems.invalid(
        at,
        internalForm(rollingUpdate, 'Partition', 'MaxUnavailable'),
        "only allowed for updateStrategy 'RollingUpdate'",
      );
  } else if (type !== 'RollingUpdate') {
    problems.invalid(
      path,
      internalForm({ type, rollingUpdate }, 'Type', 'RollingUpdate'),
      "must be 'RollingUpdate' or 'OnDelete'",
    );
  } else if (rollingUpdate) {
    problems.nonNegative(`${at}.partition`, rollingUpdate.partition);
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable === undefined) return;
    validateCountOrPercent(problems, `${at}.maxUnavailable`, maxUnavailable);
    if (isZero(maxUnavailable)) problems.invalid(`${at}.maxUnavailable`, maxUnavailable, 'cannot be 0');
    validateAtMostWhole(problems, `${at}.maxUnavailable`, maxUnavailable);
  }
}

/** The template with a volume for each claim that the set will make. */
function withClaims({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const volumes = template.spec?.volumes ?? [];
  const taken = new Set(volumes.map((volume) => volume.name));
  const claimed = volumeClaimTemplates
    .map((claim) => claim.metadata?.name ?? '')
    .filter((name) => name !== '' && !taken.has(name))
    .map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  if (!template.spec || claimed.length === 0) return template;
  return { ...template, spec: { ...template.spec, volumes: [...volumes, ...claimed] } };
}

function validateSpec(spec: StatefulSetSpec, leniency: Leniency): Problems {
  const problems = new Problems();
  const policy: string = spec.podManagementPolicy ?? '';
  if (policy === '') problems.required('spec.podManagementPolicy');
  else if (policy !== 'OrderedReady' && policy !== 'Parallel')
    problems.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'");
  validateUpdateStrategy(problems, spec.updateStrategy ?? {});
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const field of ['whenDeleted', 'whenScaled'] as const)
    if (retention)
      problems.oneOf(
        `spec.persistentVolumeClaimRetentionPolicy.${field}`,
        retention[field],
        ['Retain', 'Delete'],
        'unsupported',
      );
  if (!leniency.anyClaims)
    (spec.volumeClaimTemplates ?? []).forEach((claim, i) => {
      validateClaimSpec(problems, `spec.volumeClaimTemplates[${i}].spec`, claim.spec ?? {});
    });
  problems.nonNegative('spec.replicas', spec.replicas);
  problems.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  problems.nonNegative('spec.ordinals.start', spec.ordinals?.start);
  if (spec.serviceName && !leniency.anyServiceName)
    problems.invalidAll('spec.serviceName', spec.serviceName, isDns1123Label(spec.serviceName));
  validateSelector(problems, spec.selector, 'statefulset');
  const matches = selects(spec.selector, spec.template);
  if (matches === undefined) problems.invalid('spec.selector', goLabelSelector(spec.selector), '');
  else {
    validateMatch(problems, spec.template, matches);
    if (!leniency.anyTemplate) validatePodTemplate(problems, 'spec.template', withClaims(spec));
  }
  validateKeptRunning(problems, spec.template, 'StatefulSet');
  return problems;
}

const mutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const satisfies readonly (keyof StatefulSetSpec)[];

export const validateStatefulSet = (set: StatefulSet): Problems => validateSpec(set.spec, {});

export function validateStatefulSetUpdate(set: StatefulSet, old: StatefulSet): Problems {
  const before = new Problems();
  validatePodTemplate(before, 'spec.template', withClaims(old.spec));
  const anyTemplate = before.list.length > 0;
  const problems = validateSpec(set.spec, { anyServiceName: true, anyClaims: true, anyTemplate });
  const kept = Object.fromEntries(mutable.map((field) => [field, old.spec[field]]));
  if (!deepEqual({ ...set.spec, ...kept }, old.spec))
    problems.forbidden(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    );
  return problems;
}
