// Validation of compute resources (core/validation: validateResourceRequirements and its name rules).

import type { PodSpec, ResourceRequirements } from '../../../generated/schemas/core-v1.ts';
import { isDns1123Label, isQualifiedName } from '../../../machinery/names.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  maxQuantity,
  parseQuantity,
} from '../../../machinery/quantity.ts';
import { isNegativeMessage, type Problems } from '../../problems.ts';

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
export const standardResources = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
]);
const integerResources = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
/** Native: unprefixed, or within kubernetes.io. */
export const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
export const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0;
const isInteger = (name: string): boolean => integerResources.has(name) || isExtended(name);
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

/** A quantity that is not negative, and whole where the resource counts things. */
export function validateQuantity(problems: Problems, path: string, name: string, quantity: string): void {
  if (compareQuantities(quantity, '0') < 0) problems.invalid(path, formatQuantity(quantity), isNegativeMessage);
  if (isInteger(name) && parseQuantity(quantity).nanos % 1_000_000_000n !== 0n)
    problems.invalid(path, formatQuantity(quantity), 'must be an integer');
}

/** The name of a resource of a container. */
export function validateContainerResourceName(problems: Problems, path: string, name: string): void {
  const wrong = isQualifiedName(name);
  problems.invalidAll(path, name, wrong);
  const plain = !name.includes('/');
  if (wrong.length === 0 && plain && !standardResources.has(name) && !isHugePages(name))
    problems.invalid(path, name, 'must be a standard resource type or fully qualified');
  if (plain) {
    if (!containerResources.has(name) && !isHugePages(name))
      problems.invalid(path, name, 'must be a standard resource for containers');
  } else if (!isNative(name) && !isExtended(name)) {
    problems.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

function validateHugePages(problems: Problems, path: string, name: string, quantity: string): void {
  const size = name.slice('hugepages-'.length);
  let divisible = false;
  try {
    const page = parseQuantity(size).nanos;
    const asked = parseQuantity(quantity).nanos;
    divisible = page > 0n && asked >= 0n && asked % page === 0n;
  } catch {
    // The page size in the name is no quantity: reported as not divisible.
  }
  if (!divisible)
    problems.invalid(
      path,
      formatQuantity(quantity),
      `${formatQuantity(quantity)} is not positive integer multiple of ${name}`,
    );
}

const podResources = ['cpu', 'hugepages-', 'memory'];

export function validateResources(
  problems: Problems,
  path: string,
  resources: ResourceRequirements | undefined,
  claimNames: ReadonlySet<string>,
  level: 'container' | 'pod',
): void {
  if (!resources) return;
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  const oneName = (at: string, name: string): void => {
    if (level === 'container') validateContainerResourceName(problems, at, name);
    else if (!['cpu', 'memory'].includes(name) && !isHugePages(name)) problems.notSupported(at, name, podResources);
  };
  for (const [name, quantity] of Object.entries(limits)) {
    const at = `${path}.limits[${name}]`;
    oneName(at, name);
    validateQuantity(problems, at, name, quantity);
    if (isHugePages(name)) validateHugePages(problems, at, name, quantity);
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const at = `${path}.requests[${name}]`;
    oneName(at, name);
    validateQuantity(problems, at, name, quantity);
    const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
    if (limit !== undefined) {
      const order = compareQuantities(quantity, limit);
      const of = `${name} limit of ${formatQuantity(limit)}`;
      if (order !== 0 && !isOvercommitAllowed(name))
        problems.invalid(`${path}.requests`, formatQuantity(quantity), `must be equal to ${of}`);
      else if (order > 0)
        problems.invalid(`${path}.requests`, formatQuantity(quantity), `must be less than or equal to ${of}`);
    } else if (!isOvercommitAllowed(name)) {
      problems.required(`${path}.limits`, 'Limit must be set for non overcommitable resources');
    }
    if (isHugePages(name)) validateHugePages(problems, at, name, quantity);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory'))
    problems.forbidden(path, 'HugePages require cpu or memory');
  validateClaims(problems, `${path}.claims`, resources.claims, claimNames);
}

function validateClaims(
  problems: Problems,
  path: string,
  claims: ResourceRequirements['claims'],
  claimNames: ReadonlySet<string>,
): void {
  const seen = new Set<string>();
  /** Names of which only a request was claimed. */
  const inPart = new Set<string>();
  (claims ?? []).forEach((claim, i) => {
    const at = `${path}[${i}]`;
    if (!claim.name) {
      problems.required(at);
      return;
    }
    if (claim.request) problems.invalidAll(`${at}.request`, claim.request, isDns1123Label(claim.request));
    const key = claim.request ? `${claim.name}/${claim.request}` : claim.name;
    const overlaps = seen.has(claim.name) || (!claim.request && inPart.has(claim.name));
    if (overlaps) problems.duplicate(at, claim.name);
    else if (seen.has(key)) problems.duplicate(at, key);
    seen.add(key);
    if (claim.request) inPart.add(claim.name);
    if (!claimNames.has(claim.name)) {
      const known = claimNames.size === 0 ? ' which is empty' : `: ${[...claimNames].sort().join(', ')}`;
      problems.list.push({
        type: 'NotFound',
        field: at,
        badValue: claim.name,
        detail: `must be one of the names in pod.spec.resourceClaims${known}`,
      });
    }
  });
}

/** What all containers ask for together: the sum of those that run side by side, or the largest init step. */
export function containerRequests(spec: PodSpec): Record<string, string> {
  // Names are the client's: nothing may be inherited.
  const empty = (): Record<string, string> => Object.create(null);
  const sum = empty();
  const add = (into: Record<string, string>, requests: Record<string, string> | undefined): void => {
    for (const [name, quantity] of Object.entries(requests ?? {}))
      into[name] = formatQuantity(addQuantities(into[name] ?? '0', quantity));
  };
  for (const container of spec.containers ?? []) add(sum, container.resources?.requests);
  const sidecars = empty();
  const peak = empty();
  for (const container of spec.initContainers ?? []) {
    const step = Object.assign(empty(), sidecars);
    add(step, container.resources?.requests);
    if (container.restartPolicy === 'Always') add(sidecars, container.resources?.requests);
    for (const [name, quantity] of Object.entries(step))
      peak[name] = formatQuantity(maxQuantity(peak[name] ?? '0', quantity));
  }
  add(sum, sidecars);
  for (const [name, quantity] of Object.entries(peak))
    sum[name] = formatQuantity(maxQuantity(sum[name] ?? '0', quantity));
  return sum;
}

/** Resources of the pod as a whole, against those of its containers. `path` is that of `resources`. */
export function validatePodResources(
  problems: Problems,
  path: string,
  spec: PodSpec,
  claimNames: ReadonlySet<string>,
): void {
  const own = spec.resources;
  if (!own) return;
  if (own.claims) problems.forbidden(`${path}.claims`, 'claims cannot be set for Resources at pod-level');
  validateResources(problems, path, own, claimNames, 'pod');
  for (const [name, needed] of Object.entries(containerRequests(spec))) {
    const asked = (own.requests && Object.hasOwn(own.requests, name) ? own.requests[name] : undefined) ?? '0';
    if (compareQuantities(needed, asked) > 0)
      problems.invalid(
        `${path}.requests[${name}]`,
        formatQuantity(asked),
        `must be greater than or equal to aggregate container requests of ${needed}`,
      );
  }
  (spec.containers ?? []).forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const most = own.limits && Object.hasOwn(own.limits, name) ? own.limits[name] : undefined;
      if (most !== undefined && compareQuantities(limit, most) > 0)
        problems.invalid(
          `${path}.containers[${i}][${name}].limits`,
          formatQuantity(limit),
          `must be less than or equal to pod limits of ${formatQuantity(most)}`,
        );
    }
  });
}
