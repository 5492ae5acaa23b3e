// Validation of a pod as a whole (core/validation: validatePodMetadataAndSpec, ValidatePodCreate). What holds for specs
// wherever they stand is in ../podspec; what may change is in update.ts.

import type { Pod } from '../../../generated/schemas/core-v1.ts';
import type { Problems } from '../../problems.ts';
import { mirrorAnnotation, validateProfilesAgree, validateSpecificAnnotations } from '../podspec/annotations.ts';
import { trimmedImage } from '../podspec/containers.ts';
import { validatePodSpec } from '../podspec/validation.ts';

/** The API's image of a pod that its node runs from a file. */
export const isMirror = ({ metadata }: Pod): boolean => metadata.annotations?.[mirrorAnnotation] !== undefined;

/** What holds of every pod, created or updated. */
export function validatePod(problems: Problems, pod: Pod): void {
  const { metadata, spec } = pod;
  validateSpecificAnnotations(problems, 'metadata.annotations', metadata.annotations, spec);
  validatePodSpec(problems, 'spec', spec, { podName: metadata.name });
  if (!spec.serviceAccountName)
    (spec.volumes ?? []).forEach((volume, v) => {
      (volume.projected?.sources ?? []).forEach((source, s) => {
        if (source.serviceAccountToken)
          problems.forbidden(
            `spec.volumes[${v}].projected.sources[${s}].serviceAccountToken`,
            'must not be specified when serviceAccountName is not set',
          );
      });
    });
  for (const kind of ['containers', 'initContainers'] as const)
    (spec[kind] ?? []).forEach((container, i) => {
      trimmedImage(problems, `spec.${kind}[${i}]`, container);
    });
}

export function validateNewPod(problems: Problems, pod: Pod): void {
  const { spec } = pod;
  validatePod(problems, pod);
  if (spec.ephemeralContainers?.length) problems.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  if (spec.nodeName && spec.schedulingGates?.length)
    problems.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared');
  validateProfilesAgree(problems, 'spec', pod.metadata.annotations, spec);
}
