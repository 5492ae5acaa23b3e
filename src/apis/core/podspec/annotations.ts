// Validation of the annotations of pods and pod templates that mean something (core/validation:
// ValidatePodSpecificAnnotations, ValidatePodSpecificAnnotationUpdates), most of them fields by now.

import type { PodSpec, Toleration } from '../../../generated/schemas/core-v1.ts';
import { isJsonObject } from '../../../machinery/schema/json.ts';
import { keyed, type Problems } from '../../problems.ts';
import { appArmorAnnotation } from './app-armor.ts';
import { validateDescendingPath } from './paths.ts';
import { validateTolerations } from './scheduling.ts';
import { visitContainers } from './visit.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
const tolerationsAnnotation = 'scheduler.alpha.kubernetes.io/tolerations';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';

type Annotations = Readonly<Record<string, string>> | undefined;

const isDeletionCost = (text: string): boolean =>
  /^(0|-?[1-9]\d{0,9})$/.test(text) && Number(text) < 2 ** 31 && Number(text) >= -(2 ** 31);

function validateTolerationsText(problems: Problems, path: string, text: string): void {
  let tolerations: unknown;
  try {
    tolerations = JSON.parse(text);
  } catch (error) {
    problems.invalid(path, tolerationsAnnotation, (error as Error).message);
    return;
  }
  if (Array.isArray(tolerations) && tolerations.every(isJsonObject))
    validateTolerations(problems, `${path}.${tolerationsAnnotation}`, tolerations as Toleration[]);
  else problems.invalid(path, tolerationsAnnotation, 'json: cannot unmarshal into Go value of type []core.Toleration');
}

function validateSeccomp(problems: Problems, path: string, profile: string): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return;
  if (profile.startsWith('localhost/')) validateDescendingPath(problems, path, profile.slice('localhost/'.length));
  else problems.invalid(path, profile, 'must be a valid seccomp profile');
}

function validateAppArmor(problems: Problems, path: string, name: string, profile: string, spec: PodSpec): void {
  if (!visitContainers('', spec).some(({ container }) => container.name === name))
    problems.invalid(path, name, 'container not found');
  if (!['', 'runtime/default', 'unconfined'].includes(profile) && !profile.startsWith('localhost/'))
    problems.invalid(path, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`);
}

/** `path` is that of the annotations. */
export function validateSpecificAnnotations(
  problems: Problems,
  path: string,
  annotations: Annotations,
  spec: PodSpec,
): void {
  if (!annotations) return;
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName)
    problems.invalid(keyed(path, mirrorAnnotation), mirror, 'must set spec.nodeName if mirror pod annotation is set');
  const tolerations = annotations[tolerationsAnnotation];
  if (tolerations) validateTolerationsText(problems, path, tolerations);
  const cost = annotations[deletionCost];
  if (cost !== undefined && !isDeletionCost(cost))
    problems.invalid(keyed(path, deletionCost), cost, 'must be a 32bit integer');
  for (const [key, value] of Object.entries(annotations))
    if (key === seccompPod || key.startsWith(seccompContainer)) validateSeccomp(problems, `${path}.${key}`, value);
  for (const [key, value] of Object.entries(annotations))
    if (key.startsWith(appArmorAnnotation))
      validateAppArmor(problems, keyed(path, key), key.slice(appArmorAnnotation.length), value, spec);
}

/** Those that stay as they are for as long as the pod lives. */
export function validateAnnotationChanges(
  problems: Problems,
  path: string,
  now: Annotations,
  before: Annotations,
): void {
  const fixed = (key: string): string | undefined => {
    if (key.startsWith(appArmorAnnotation)) return 'AppArmor annotations';
    return key === mirrorAnnotation ? 'mirror pod annotation' : undefined;
  };
  for (const [key, value] of Object.entries(before ?? {})) {
    const what = fixed(key);
    if (what !== undefined && now?.[key] !== value)
      problems.forbidden(keyed(path, key), `may not remove or update ${what}`);
  }
  for (const key of Object.keys(now ?? {})) {
    const what = fixed(key);
    if (what !== undefined && before?.[key] === undefined) problems.forbidden(keyed(path, key), `may not add ${what}`);
  }
}

interface Profile {
  type?: string;
  localhostProfile?: string;
}

/** A profile that both a field and an annotation name must be the same in both. */
function validateAgreement(
  problems: Problems,
  at: string,
  kind: 'seccomp' | 'apparmor',
  profile: Profile,
  annotation: string,
): void {
  const differs = (): void => problems.forbidden(`${at}.type`, `${kind} type in annotation and field must match`);
  const defaults = kind === 'seccomp' ? ['runtime/default', 'docker/default'] : ['runtime/default'];
  if (profile.type === 'Unconfined' && annotation !== 'unconfined') differs();
  if (profile.type === 'RuntimeDefault' && !defaults.includes(annotation)) differs();
  if (profile.type !== 'Localhost') return;
  if (!annotation.startsWith('localhost/')) differs();
  else if (annotation.slice('localhost/'.length) !== profile.localhostProfile)
    problems.forbidden(`${at}.localhostProfile`, `${kind} profile in annotation and field must match`);
}

/** Of new pods, and of templates. `path` is the spec's. */
export function validateProfilesAgree(problems: Problems, path: string, annotations: Annotations, spec: PodSpec): void {
  if (!annotations) return;
  const ofPod = spec.securityContext;
  const podSeccomp = annotations[seccompPod];
  if (ofPod?.seccompProfile && podSeccomp !== undefined)
    validateAgreement(problems, `${path}.securityContext.seccompProfile`, 'seccomp', ofPod.seccompProfile, podSeccomp);
  const containers = visitContainers(path, spec);
  for (const { at, container } of containers) {
    const annotation = annotations[`${seccompContainer}${container.name}`];
    const profile = container.securityContext?.seccompProfile;
    if (profile && annotation !== undefined)
      validateAgreement(problems, `${at}.securityContext.seccompProfile`, 'seccomp', profile, annotation);
  }
  if (spec.os?.name === 'windows') return;
  for (const { at, container } of containers) {
    const annotation = annotations[`${appArmorAnnotation}${container.name}`];
    const profile = container.securityContext?.appArmorProfile ?? ofPod?.appArmorProfile;
    if (profile && annotation !== undefined)
      validateAgreement(problems, `${at}.securityContext.appArmorProfile`, 'apparmor', profile, annotation);
  }
}
