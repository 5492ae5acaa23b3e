// What a check of the Pod Security Standards is, and the words that all of them share. Checks are pure; a pod is seen as all
// of its containers (init, ordinary, ephemeral, in this order) beside its spec and annotations.
import type { PodSecurityLevel } from '../../../configuration/pod-security.ts';
import type { Container, EphemeralContainer, PodSpec } from '../../../generated/schemas/core-v1.ts';

export type AnyContainer = Container | EphemeralContainer;

export interface CheckedPod {
  readonly spec: PodSpec;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly AnyContainer[];
}

export function checkedPod(spec: PodSpec, annotations: Readonly<Record<string, string>> = {}): CheckedPod {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
  return { spec, annotations, containers };
}

/** `reason` is told of many pods, with `detail` of one. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type CheckPod = (pod: CheckedPod) => Violation | undefined;

export interface Check {
  readonly id: string;
  readonly level: Exclude<PodSecurityLevel, 'privileged'>;
  /** By rising first version (the N of v1.N); each holds until the next. */
  readonly versions: readonly {
    readonly since: number;
    readonly check: CheckPod;
    /** A baseline check that this one makes superfluous. */
    readonly overrides?: string;
  }[];
}

export const quoted = (items: readonly string[]): string => items.map((item) => `"${item}"`).join(', ');
export const plural = (count: number, one: string, many = `${one}s`): string => (count === 1 ? one : many);
export const sorted = (items: Iterable<string>): string[] => [...new Set(items)].sort();

/** `container "a"`, `containers "a", "b"`. */
export const containersText = (names: readonly string[]): string =>
  `${plural(names.length, 'container')} ${quoted(names)}`;

/** Who set something: the pod, containers, or both; '' for nobody. */
export function setters(pod: boolean, names: readonly string[], ...others: string[]): string {
  return [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : []), ...others].join(' and ');
}

export const namesOf = (containers: readonly AnyContainer[]): string[] => containers.map(({ name }) => name);

/** What is set by the pod and by each of its containers, as far as it is set. */
export function settings<T>(
  { spec, containers }: CheckedPod,
  of: (context: NonNullable<PodSpec['securityContext'] | AnyContainer['securityContext']>) => T | undefined,
): { pod: T | undefined; containers: { name: string; value: T | undefined }[] } {
  const read = (context: Parameters<typeof of>[0] | undefined) => (context ? of(context) : undefined);
  return {
    pod: read(spec.securityContext),
    containers: containers.map(({ name, securityContext }) => ({ name, value: read(securityContext) })),
  };
}

export const isWindows = ({ spec }: CheckedPod): boolean => spec.os?.name === 'windows';
/** Root in there is nobody out here. */
export const hasOwnUsers = ({ spec }: CheckedPod): boolean => spec.hostUsers === false;

/** The check, but for pods of which something else holds. */
export const unless =
  (exempt: (pod: CheckedPod) => boolean, check: CheckPod): CheckPod =>
  (pod) =>
    exempt(pod) ? undefined : check(pod);
