// `ephemeralcontainers`: adds containers for debugging to a pod that runs. They stay as they were added.

import type { EphemeralContainer, Pod } from '../../../generated/schemas/core-v1.ts';
import { goDiff } from '../../../machinery/diff.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import type { Subresource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { ephemeralContainerForm } from '../go-forms.ts';
import { keepPod, raiseGeneration, validatePodAnnotations } from './update.ts';
import { isMirror, validatePod } from './validation.ts';

const path = 'spec.ephemeralContainers';

function prepareForUpdate(pod: Pod, old: Pod): void {
  const wanted = pod.spec?.ephemeralContainers;
  keepPod(pod, old);
  const { ephemeralContainers: _former, ...spec } = pod.spec;
  pod.spec = wanted === undefined ? spec : { ...spec, ephemeralContainers: wanted };
  raiseGeneration(pod, old);
}

function validateUpdate(pod: Pod, old: Pod): FieldError[] {
  if (isMirror(old))
    return [{ type: 'Forbidden', field: '', detail: 'static pods do not support ephemeral containers' }];
  const problems = new Problems();
  validatePod(problems, pod);
  validatePodAnnotations(problems, pod, old);
  const present = new Map((pod.spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const before of old.spec.ephemeralContainers ?? []) {
    const after: EphemeralContainer | undefined = present.get(before.name);
    const named = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (!after) problems.forbidden(path, `${named} may not be removed\n`);
    else if (!deepEqual(before, after))
      problems.forbidden(path, `${named} may not be changed\n${goDiff(ephemeralContainerForm, before, after)}`);
  }
  return problems.list;
}

export const ephemeralContainers: Subresource<Pod> = {
  name: 'ephemeralcontainers',
  verbs: ['get', 'patch', 'update'],
  behaviour: { type: 'part', ownedFields: [path], prepareForUpdate, validateUpdate, warnings: () => [] },
};
