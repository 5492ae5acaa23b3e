// The policy of a namespace: its labels, and where it has none the cluster's default.
import {
  isLevel,
  isVersion,
  type LevelVersion,
  levelMessage,
  type PodSecurityLevel,
  type PodSecurityMode,
  type PodSecurityPolicy,
  podSecurityLevels,
  podSecurityModes,
  versionMessage,
} from '../../../configuration/pod-security.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { invalid } from '../../../machinery/validation.ts';

type Labels = Readonly<Record<string, string>>;

export const prefix = 'pod-security.kubernetes.io/';

export const textOf = ({ level, version }: LevelVersion): string => `${level}:${version}`;

/** Whether the first is stricter. */
export const isStricter = (level: PodSecurityLevel, than: PodSecurityLevel): boolean =>
  podSecurityLevels.indexOf(level) > podSecurityLevels.indexOf(than);

export const isPrivileged = ({ level }: LevelVersion): boolean => level === 'privileged';
export const isFullyPrivileged = (policy: PodSecurityPolicy): boolean =>
  podSecurityModes.every((mode) => isPrivileged(policy[mode]));

export function isEquivalent(a: PodSecurityPolicy, b: PodSecurityPolicy): boolean {
  return podSecurityModes.every(
    (mode) => (isPrivileged(a[mode]) && isPrivileged(b[mode])) || textOf(a[mode]) === textOf(b[mode]),
  );
}

export const labelled = (labels: Labels, mode: PodSecurityMode): boolean =>
  Object.hasOwn(labels, `${prefix}${mode}`) || Object.hasOwn(labels, `${prefix}${mode}-version`);

/** Always a policy: what cannot be read is enforced as restricted:latest, and neither audited nor warned of. */
export function policyOf(
  labels: Labels,
  defaults: PodSecurityPolicy,
): { policy: PodSecurityPolicy; problems: FieldError[] } {
  // Of most namespaces, at each write of a pod.
  if (!Object.keys(labels).some((key) => key.startsWith(prefix))) return { policy: defaults, problems: [] };
  const problems: FieldError[] = [];
  const read = <T extends string>(
    name: string,
    isValid: (text: unknown) => text is T,
    message: string,
    instead: T,
  ): T | undefined => {
    const key = `${prefix}${name}`;
    if (!Object.hasOwn(labels, key)) return undefined;
    const text = labels[key];
    if (isValid(text)) return text;
    problems.push(invalid(`metadata.labels[${key}]`, text, message));
    return instead;
  };
  const modeOf = (mode: PodSecurityMode): Partial<LevelVersion> => {
    const level = read(mode, isLevel, levelMessage, mode === 'enforce' ? 'restricted' : 'privileged');
    const version = read(`${mode}-version`, isVersion, versionMessage, 'latest');
    return { ...(level === undefined ? {} : { level }), ...(version === undefined ? {} : { version }) };
  };
  const enforce = modeOf('enforce');
  const audit = modeOf('audit');
  const warn = modeOf('warn');
  const policy = {
    enforce: { ...defaults.enforce, ...enforce },
    audit: { ...defaults.audit, ...audit },
    warn: { ...defaults.warn, ...warn },
  };
  // Who enforces wants to be warned where nothing is enforced: in the templates of controllers.
  const enforced = enforce.level !== undefined && enforce.level === labels[`${prefix}enforce`];
  if (warn.level === undefined && enforced && isStricter(policy.enforce.level, policy.warn.level))
    policy.warn = { level: policy.enforce.level, version: warn.version ?? policy.enforce.version };
  return { policy, problems };
}
