// AppArmor profiles, which containers were given by annotations before there was a field (pod strategy:
// applyAppArmorVersionSkew). The annotation of a new pod becomes the field; a field becomes no annotation.

import type { AppArmorProfile, Pod } from '../../../generated/schemas/core-v1.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { validateAppArmor } from './security.ts';
import { visitContainers } from './visit.ts';

export const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';
const localhost = 'localhost/';

/** What an annotation stands for, if anything. */
export function appArmorProfileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (!annotation.startsWith(localhost) || annotation === localhost) return undefined;
  return { type: 'Localhost', localhostProfile: annotation.slice(localhost.length) };
}

/** Containers without a profile take that of their annotation where it differs from the pod's. */
export function applyAppArmorAnnotations({ metadata, spec }: Pod, warn: (message: string) => void): void {
  if (spec.os?.name === 'windows') return;
  for (const { container } of visitContainers('', spec)) {
    const key = `${appArmorAnnotation}${container.name}`;
    const annotation = metadata.annotations?.[key];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = appArmorProfileOf(annotation);
    const isValid = profile !== undefined && isValidProfile(profile);
    if (isValid && deepEqual(profile, spec.securityContext?.appArmorProfile)) continue;
    if (isValid) container.securityContext = { ...container.securityContext, appArmorProfile: profile };
    warn(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
}

function isValidProfile(profile: AppArmorProfile): boolean {
  const problems = new Problems();
  validateAppArmor(problems, '', profile);
  return problems.list.length === 0;
}
