// What goes with the operating system that a pod is for (core/validation: validateOS, validateLinux, validateWindows,
// validateWindowsHostProcessPod).

import type { PodSecurityContext, PodSpec, SecurityContext } from '../../../generated/schemas/core-v1.ts';
import type { Problems } from '../../problems.ts';
import { visitContainers } from './visit.ts';

const notOnWindows = 'cannot be set for a windows pod';

/** Members of the spec (with a leading dot) and of its security context that mean nothing on Windows, in upstream's order. */
const ofPod = [
  'appArmorProfile',
  'seLinuxOptions',
  '.hostUsers',
  '.hostPID',
  '.hostIPC',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  '.shareProcessNamespace',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
const ofContainer = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const satisfies readonly (keyof SecurityContext)[];
/** Go has no "unset" for these. */
const setWhenTrue = new Set<string>(['.hostPID', '.hostIPC']);

function validateWindows(problems: Problems, path: string, spec: PodSpec): void {
  for (const field of ofPod) {
    const value = field.startsWith('.')
      ? spec[field.slice(1) as keyof PodSpec]
      : spec.securityContext?.[field as keyof PodSecurityContext];
    const isSet = setWhenTrue.has(field)
      ? value === true
      : field === 'sysctls'
        ? (spec.securityContext?.sysctls?.length ?? 0) > 0
        : value !== undefined;
    if (isSet)
      problems.forbidden(field.startsWith('.') ? `${path}${field}` : `${path}.securityContext.${field}`, notOnWindows);
  }
  for (const { at, container } of visitContainers(path, spec))
    for (const field of ofContainer)
      if (container.securityContext?.[field] !== undefined)
        problems.forbidden(`${at}.securityContext.${field}`, notOnWindows);
}

function validateLinux(problems: Problems, path: string, spec: PodSpec): void {
  for (const { at, container } of [{ at: path, container: spec }, ...visitContainers(path, spec)])
    if (container.securityContext?.windowsOptions)
      problems.forbidden(`${at}.securityContext.windowsOptions`, 'windows options cannot be set for a linux pod');
}

export function validateOs(problems: Problems, path: string, spec: PodSpec): void {
  if (!spec.os) return;
  if (!spec.os.name) problems.required(`${path}.os.name`);
  else if (spec.os.name === 'linux') validateLinux(problems, path, spec);
  else if (spec.os.name === 'windows') validateWindows(problems, path, spec);
  else problems.notSupported(`${path}.os`, spec.os.name, ['linux', 'windows']);
}

/** Containers that are processes of a Windows host: all of a pod's are, or none. */
export function validateHostProcesses(problems: Problems, path: string, spec: PodSpec): void {
  const containers = visitContainers(path, spec);
  const wanted = spec.securityContext?.windowsOptions?.hostProcess;
  let hostProcesses = 0;
  for (const { at, container } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (wanted !== undefined && own !== undefined && own !== wanted)
      problems.invalid(
        `${at}.securityContext.windowsOptions.hostProcess`,
        own,
        `pod hostProcess value must be identical if both are specified, was ${wanted}`,
      );
    if (own ?? wanted) hostProcesses++;
  }
  if (hostProcesses === 0) return;
  if (hostProcesses !== containers.length)
    problems.invalid(
      path,
      '',
      'If pod contains any hostProcess containers then all containers must be HostProcess containers',
    );
  if (!spec.hostNetwork)
    problems.invalid(
      `${path}.hostNetwork`,
      false,
      'hostNetwork must be true if pod contains any hostProcess containers',
    );
}
