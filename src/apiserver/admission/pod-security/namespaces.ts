// Namespaces: their labels must be ones that can be read, and who makes them stricter is told which pods would not be let in
// again. Those pods are left alone.
import type { LevelVersion, PodSecurity, PodSecurityPolicy } from '../../../configuration/pod-security.ts';
import { podSecurityModes } from '../../../configuration/pod-security.ts';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { pods } from '../../../generated/schemas/index.ts';
import { errors } from '../../../machinery/errors.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import type { AdmissionRequest } from '../chain.ts';
import { checkedPod } from './checks.ts';
import { evaluate, reasonsText } from './evaluate.ts';
import { isEquivalent, isFullyPrivileged, isPrivileged, isStricter, labelled, policyOf, textOf } from './labels.ts';

/** All is done within one transaction, in which nothing else happens: about a tenth of a second. */
const limits = { countMax: 3000, bytesMax: 16 * 1024 * 1024 };

export function checkNamespace(request: AdmissionRequest, { defaults, exemptions }: PodSecurity): void {
  const { definition, operation, name, object, old } = request;
  const labels = object?.metadata.labels ?? {};
  const { policy, problems } = policyOf(labels, defaults);
  const before = old && policyOf(old.metadata.labels ?? {}, defaults);
  // Whoever has labels that cannot be read from before may keep them.
  if (problems.length > 0 && !(before && deepEqual(problems, before.problems)))
    throw errors.invalid(definition.group, definition.kind, name, problems);
  const exempt = exemptions.namespaces.includes(name);
  if (operation === 'UPDATE' && !(before && isTightened(policy.enforce, before.policy.enforce))) return;
  if (exempt) {
    if (!isFullyPrivileged(policy) && !isEquivalent(policy, defaults)) request.warn(exemptText(name, policy, labels));
  } else if (operation === 'UPDATE') {
    for (const warning of warningsOfPods(request, policy.enforce, exemptions.runtimeClasses)) request.warn(warning);
  }
}

function isTightened(now: LevelVersion, before: LevelVersion): boolean {
  if (isPrivileged(now) || textOf(now) === textOf(before)) return false;
  return now.version !== before.version || isStricter(now.level, before.level);
}

function exemptText(name: string, policy: PodSecurityPolicy, labels: Readonly<Record<string, string>>): string {
  const said = podSecurityModes
    .filter((mode) => !isPrivileged(policy[mode]) && labelled(labels, mode))
    .map((mode) => `${mode}=${textOf(policy[mode])}`);
  return `namespace ${JSON.stringify(name)} is exempt from Pod Security, and the policy (${said.join(', ')}) will be ignored`;
}

function warningsOfPods(
  { name, listFirst }: AdmissionRequest,
  enforce: LevelVersion,
  exemptClasses: readonly string[],
): string[] {
  const { objects, count } = listFirst(pods, name, limits);
  const found = new Map<string, Pod[]>();
  for (const pod of objects) {
    if (exemptClasses.includes(pod.spec.runtimeClassName ?? '')) continue;
    const reasons = reasonsText(evaluate(enforce, checkedPod(pod.spec, pod.metadata.annotations)));
    if (reasons === '') continue;
    const same = found.get(reasons);
    if (same) same.push(pod);
    else found.set(reasons, [pod]);
  }
  const warnings: string[] = [];
  if (objects.length < count)
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${objects.length} of ${count} existing pods`,
    );
  if (found.size > 0)
    warnings.push(
      `existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${JSON.stringify(textOf(enforce))}`,
    );
  const texts = [...found].map(([reasons, same]) => `${first(same)}${others(same.length - 1)}: ${reasons}`);
  return [...warnings, ...texts.sort()];
}

/** A list comes by name. */
const first = ([pod]: readonly Pod[]): string => pod?.metadata.name ?? '';

function others(count: number): string {
  if (count === 0) return '';
  return count === 1 ? ' (and 1 other pod)' : ` (and ${count} other pods)`;
}
