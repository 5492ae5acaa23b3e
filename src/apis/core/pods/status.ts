// The status of a pod, as its node and others write it (core/validation: ValidatePodStatusUpdate; pod strategy).

import type { Container, ContainerStatus, Pod, PodCondition, PodSpec } from '../../../generated/schemas/core-v1.ts';
import { ipWarnings } from '../../../machinery/cidr.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { ipFamily, isDns1123Subdomain, isGroupId, isIp, isQualifiedName, isUserId } from '../../../machinery/names.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { validatePodAnnotations } from './update.ts';

/** A client that knows no observedGeneration does not clear it. */
export function keepObservedGeneration(pod: Pod, old: Pod): void {
  if (!pod.status.observedGeneration && old.status?.observedGeneration)
    pod.status.observedGeneration = old.status.observedGeneration;
  // There may be several of a type: each takes after the one in its place.
  const before = new Map<string, (number | undefined)[]>();
  for (const { type, observedGeneration } of old.status?.conditions ?? [])
    before.set(type, [...(before.get(type) ?? []), observedGeneration]);
  pod.status.conditions = pod.status.conditions?.map((condition) => {
    const former = before.get(condition.type)?.shift();
    const generation = condition.observedGeneration || former;
    return generation ? { ...condition, observedGeneration: generation } : condition;
  });
  if (pod.status.conditions === undefined) delete pod.status.conditions;
}

const generationMessage = 'must be a non-negative integer';
const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

function validateConditions(problems: Problems, conditions: readonly PodCondition[] | undefined): void {
  (conditions ?? []).forEach(({ type = '', observedGeneration = 0 }: Partial<PodCondition>, i) => {
    const at = `status.conditions[${i}]`;
    if (observedGeneration < 0) problems.invalid(`${at}.observedGeneration`, observedGeneration, generationMessage);
    if (!systemConditions.has(type)) problems.invalidAll(`${at}.Type`, type, isQualifiedName(type));
  });
}

function validateNomination(problems: Problems, { status }: Pod, old: Pod): void {
  const nominated = status.nominatedNodeName;
  if (!nominated || nominated === old.status?.nominatedNodeName) return;
  const path = 'status.nominatedNodeName';
  problems.invalidAll(path, nominated, isDns1123Subdomain(nominated));
  if (old.spec.nodeName) problems.forbidden(path, 'may not be set on pods that are already bound to a node');
}

type MayRestart = (name: string, exitCode: number) => boolean;

/** The container's own rules and policy, otherwise the pod's. */
function restarts(container: Container, spec: PodSpec, exitCode: number): boolean {
  const { restartPolicy, restartPolicyRules } = container;
  if (restartPolicy !== undefined)
    for (const { action, exitCodes } of restartPolicyRules ?? []) {
      const listed = exitCodes?.values?.includes(exitCode) ?? false;
      if (exitCodes && listed === (exitCodes.operator === 'In')) {
        if (action === 'Restart') return true;
        break;
      }
    }
  const policy = restartPolicy ?? spec.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** A container that has ended for good does not come back. */
function validateTransitions(
  problems: Problems,
  path: string,
  after: readonly ContainerStatus[] | undefined,
  before: readonly ContainerStatus[] | undefined,
  mayRestart: MayRestart,
): void {
  (before ?? []).forEach((old, i) => {
    const ended = old.state?.terminated;
    if (!ended || mayRestart(old.name, ended.exitCode ?? 0)) return;
    if ((after ?? []).some((status) => status.name === old.name && !status.state?.terminated))
      problems.forbidden(`${path}[${i}].state`, 'may not be transitioned to non-terminated state');
  });
}

function validateAllTransitions(problems: Problems, { status }: Pod, { spec, status: before }: Pod): void {
  const ordinary: MayRestart = (name, exitCode) => {
    const container = (spec.containers ?? []).find((one) => one.name === name);
    return container !== undefined && restarts(container, spec, exitCode);
  };
  const init: MayRestart = (name, exitCode) =>
    spec.restartPolicy === 'Always' ||
    (spec.restartPolicy === 'OnFailure' && exitCode !== 0) ||
    (spec.initContainers ?? []).find((one) => one.name === name)?.restartPolicy === 'Always';
  const check = (
    kind: 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses',
    mayRestart: MayRestart,
  ): void => validateTransitions(problems, `status.${kind}`, status[kind], before?.[kind], mayRestart);
  check('containerStatuses', ordinary);
  check('initContainerStatuses', init);
  check('ephemeralContainerStatuses', () => false);
}

function validateClaims(problems: Problems, { status, spec }: Pod): void {
  const seen = new Set<string>();
  (status.resourceClaimStatuses ?? []).forEach(({ name, resourceClaimName }, i) => {
    const at = `status.resourceClaimStatuses[${i}].name`;
    if (!(spec.resourceClaims ?? []).some((claim) => claim.name === name))
      problems.invalid(at, name ?? '', 'must match the name of an entry in `spec.resourceClaims`');
    if (seen.has(name)) problems.duplicate(at, name);
    seen.add(name);
    if (resourceClaimName !== undefined)
      problems.invalidAll(at, resourceClaimName, isDns1123Subdomain(resourceClaimName));
  });
}

/** `kept`: what was there before may stay, valid or not. */
function validateIps(
  problems: Problems,
  path: string,
  ips: readonly { ip: string }[] | undefined,
  kept: readonly { ip: string }[] | undefined,
): void {
  const list = ips ?? [];
  list.forEach(({ ip }, i) => {
    if (!kept?.some((one) => one.ip === ip)) problems.invalidAll(`${path}[${i}]`, ip ?? '', isIp(ip ?? ''));
  });
  if (list.length > 2 || (list.length === 2 && ipFamily(list[0]?.ip ?? '') === ipFamily(list[1]?.ip ?? '')))
    // In upstream's form.
    problems.invalid(
      path,
      list.map(({ ip = '' }) => ({ IP: ip })),
      'may specify no more than one IP for each IP family',
    );
}

function validateUsers(
  problems: Problems,
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  os: string,
): void {
  (statuses ?? []).forEach(({ user }, i) => {
    const at = `${path}[${i}].user.linux`;
    const linux = user?.linux;
    if (!linux) return;
    if (os === 'windows') problems.forbidden(at, 'cannot be set for a windows pod');
    if (os !== 'linux') return;
    problems.invalidAll(`${at}.uid`, linux.uid ?? 0, isUserId(linux.uid ?? 0));
    problems.invalidAll(`${at}.gid`, linux.gid ?? 0, isGroupId(linux.gid ?? 0));
    (linux.supplementalGroups ?? []).forEach((group, g) => {
      problems.invalidAll(`${at}.supplementalGroups[${g}]`, group, isGroupId(group));
    });
  });
}

function validateAllocated(
  problems: Problems,
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[] | undefined,
): void {
  (statuses ?? []).forEach((status, i) => {
    const container = containers?.find((one) => one.name === status.name);
    (status.allocatedResourcesStatus ?? []).forEach(({ name = '', resources }, j) => {
      const at = `${path}[${i}].allocatedResourcesStatus[${j}]`;
      const asked = container?.resources;
      const isClaim = name.startsWith('claim:');
      const known = isClaim
        ? (asked?.claims ?? []).some(
            (claim) => name === `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`,
          )
        : asked?.requests?.[name] !== undefined;
      if (container && !known)
        problems.invalid(
          `${at}.name`,
          name,
          isClaim
            ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
            : "must match one of the container's resource requests",
        );
      const seen = new Set<string>();
      (resources ?? []).forEach(({ health, resourceID }, k) => {
        problems.oneOf(`${at}.resources[${k}].health`, health, ['Healthy', 'Unhealthy', 'Unknown'], 'unsupported');
        if (seen.has(resourceID)) problems.duplicate(`${at}.resources[${k}].resourceID`, resourceID);
        seen.add(resourceID);
      });
    });
  });
}

export function validatePodStatus(pod: Pod, old: Pod): FieldError[] {
  const problems = new Problems();
  const { status, spec } = pod;
  validatePodAnnotations(problems, pod, old);
  validateConditions(problems, status.conditions);
  validateNomination(problems, pod, old);
  if ((status.observedGeneration ?? 0) < 0)
    problems.invalid('status.observedGeneration', status.observedGeneration, generationMessage);
  if ((status.qosClass ?? '') !== (old.status?.qosClass ?? ''))
    problems.invalid('status.qosClass', status.qosClass ?? '', fieldImmutableMessage);
  validateAllTransitions(problems, pod, old);
  validateClaims(problems, pod);
  validateIps(problems, 'status.podIPs', status.podIPs, old.status?.podIPs);
  if (status.hostIPs?.length && status.hostIP !== status.hostIPs[0]?.ip)
    problems.invalid('status.hostIPs[0].ip', status.hostIPs[0]?.ip, 'must be equal to `hostIP`');
  validateIps(problems, 'status.hostIPs', status.hostIPs, old.status?.hostIPs);
  const lists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;
  for (const kind of lists) validateUsers(problems, `status.${kind}`, status[kind], spec.os?.name ?? 'linux');
  validateAllocated(problems, 'status.containerStatuses', status.containerStatuses, spec.containers);
  validateAllocated(problems, 'status.initContainerStatuses', status.initContainerStatuses, spec.initContainers);
  (status.ephemeralContainerStatuses ?? []).forEach(({ allocatedResourcesStatus }, i) => {
    if (allocatedResourcesStatus?.length)
      problems.forbidden(
        `status.ephemeralContainerStatuses[${i}].allocatedResourcesStatus`,
        'must not be specified in container status',
      );
  });
  return problems.list;
}

export const podStatusWarnings = ({ status }: Pod): string[] =>
  (['podIPs', 'hostIPs'] as const).flatMap((kind) =>
    (status?.[kind] ?? []).flatMap(({ ip }, i) => ipWarnings(`status.${kind}[${i}].ip`, ip ?? '')),
  );
