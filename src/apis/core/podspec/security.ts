// Validation of the security contexts of pods and containers (core/validation: ValidateSecurityContext,
// validatePodSpecSecurityContext), with profiles and sysctls.

import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../../../generated/schemas/core-v1.ts';
import { isGroupId, isUserId } from '../../../machinery/names.ts';
import type { Problems } from '../../problems.ts';
import { validateDescendingPath } from './paths.ts';

function validateSeccomp(problems: Problems, path: string, profile: SeccompProfile | undefined): void {
  if (!profile) return;
  const supported = ['Localhost', 'RuntimeDefault', 'Unconfined'];
  if (!profile.type) problems.required(`${path}.type`, 'type is required when seccompProfile is set');
  else if (!supported.includes(profile.type)) problems.notSupported(`${path}.type`, profile.type, supported);
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined)
      problems.required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost');
    else validateDescendingPath(problems, `${path}.localhostProfile`, profile.localhostProfile);
  } else if (profile.localhostProfile !== undefined) {
    problems.invalid(`${path}.localhostProfile`, profile, 'can only be set when seccomp type is Localhost');
  }
}

export function validateAppArmor(problems: Problems, path: string, profile: AppArmorProfile | undefined): void {
  if (!profile) return;
  const local = profile.localhostProfile;
  const localPath = `${path}.localhostProfile`;
  switch (profile.type) {
    case 'Localhost':
      if (local === undefined || local === '')
        problems.required(localPath, 'must be set when AppArmor type is Localhost');
      else {
        if (local.trim() !== local) problems.invalid(localPath, local, 'must not be padded with whitespace');
        if (local.length > 4095) problems.tooLong(localPath, 4095);
      }
      break;
    case 'RuntimeDefault':
    case 'Unconfined':
      if (local !== undefined) problems.invalid(localPath, local, 'can only be set when AppArmor type is Localhost');
      break;
    default:
      if (!profile.type) problems.required(`${path}.type`, 'type is required when appArmorProfile is set');
      else problems.notSupported(`${path}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  }
}

/** A container's own security context. `hostUsers`: whether the pod shares the host's user namespace. */
export function validateContainerSecurity(
  problems: Problems,
  path: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (!context) return;
  if (context.runAsUser !== undefined)
    problems.invalidAll(`${path}.runAsUser`, context.runAsUser, isUserId(context.runAsUser));
  if (context.runAsGroup !== undefined)
    problems.invalidAll(`${path}.runAsGroup`, context.runAsGroup, isGroupId(context.runAsGroup));
  if (context.procMount !== undefined) {
    if (context.procMount !== 'Default' && context.procMount !== 'Unmasked')
      problems.notSupported(`${path}.procMount`, context.procMount, ['Default', 'Unmasked']);
    else if (hostUsers && context.procMount === 'Unmasked')
      problems.invalid(`${path}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`');
  }
  validateSeccomp(problems, `${path}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      problems.invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    for (const capability of context.capabilities?.add ?? [])
      if (capability === 'CAP_SYS_ADMIN')
        problems.invalid(
          path,
          context,
          'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
        );
  }
  validateAppArmor(problems, `${path}.appArmorProfile`, context.appArmorProfile);
}

const sysctlSegment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlName = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlPattern = new RegExp(sysctlName);
const ipcSysctls = new Set([
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
  'kernel.sem',
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
]);

function validateSysctls(problems: Problems, path: string, spec: PodSpec): void {
  const seen = new Set<string>();
  (spec.securityContext?.sysctls ?? []).forEach((sysctl, i) => {
    const field = `${path}[${i}].name`;
    const name = sysctl.name ?? '';
    if (name === '') problems.required(field);
    else if (name.length > 253 || !sysctlPattern.test(name))
      problems.invalid(field, name, `must have at most 253 characters and match regex ${sysctlName}`);
    else if (seen.has(name)) problems.duplicate(field, name);
    seen.add(name);
    // A slash as the first separator swaps the two signs, as sysctl(8) reads names.
    const dotted = /^[^./]*\//.test(name) ? name.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : name;
    if (spec.hostNetwork && dotted.startsWith('net.'))
      problems.invalid(field, name, "may not be specified when 'hostNetwork' is true");
    else if (spec.hostIPC && (ipcSysctls.has(dotted) || dotted.startsWith('fs.mqueue.')))
      problems.invalid(field, name, "may not be specified when 'hostIPC' is true");
  });
}

/** The pod's security context, and the combinations of host namespaces. `path` is the pod spec's. */
export function validatePodSecurity(problems: Problems, path: string, spec: PodSpec): void {
  const context = spec.securityContext;
  const base = `${path}.securityContext`;
  if (spec.shareProcessNamespace && spec.hostPID)
    problems.invalid(`${base}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  if (!context) return;
  if (context.fsGroup !== undefined)
    problems.invalidAll(`${base}.fsGroup`, context.fsGroup, isGroupId(context.fsGroup));
  if (context.runAsUser !== undefined)
    problems.invalidAll(`${base}.runAsUser`, context.runAsUser, isUserId(context.runAsUser));
  if (context.runAsGroup !== undefined)
    problems.invalidAll(`${base}.runAsGroup`, context.runAsGroup, isGroupId(context.runAsGroup));
  (context.supplementalGroups ?? []).forEach((group, i) => {
    problems.invalidAll(`${base}.supplementalGroups[${i}]`, group, isGroupId(group));
  });
  validateSysctls(problems, `${base}.sysctls`, spec);
  if (context.fsGroupChangePolicy !== undefined && !['Always', 'OnRootMismatch'].includes(context.fsGroupChangePolicy))
    problems.notSupported(`${base}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  validateSeccomp(problems, `${base}.seccompProfile`, context.seccompProfile);
  validateAppArmor(problems, `${base}.appArmorProfile`, context.appArmorProfile);
  if (context.supplementalGroupsPolicy !== undefined && !['Merge', 'Strict'].includes(context.supplementalGroupsPolicy))
    problems.notSupported(`${base}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  if (context.seLinuxChangePolicy !== undefined && !['MountOption', 'Recursive'].includes(context.seLinuxChangePolicy))
    problems.notSupported(`${base}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['MountOption', 'Recursive']);
}

/** A pod with a user namespace of its own may not join the host's other namespaces. */
export function validateHostUsers(problems: Problems, path: string, spec: PodSpec): void {
  if (spec.hostUsers !== false) return;
  const why = 'when `pod.Spec.HostUsers` is false';
  if (spec.hostNetwork) problems.forbidden(`${path}.hostNetwork`, why);
  if (spec.hostPID) problems.forbidden(`${path}.HostPID`, why);
  if (spec.hostIPC) problems.forbidden(`${path}.HostIPC`, why);
}
