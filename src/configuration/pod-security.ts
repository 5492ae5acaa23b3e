// PodSecurityConfiguration: the level that namespaces without labels of their own are held to, and who is exempt.
import type { FieldError } from '../machinery/errors.ts';
import { duplicate, invalid, isDns1123Label, isDns1123Subdomain } from '../machinery/validation.ts';
import { Fields } from './fields.ts';

export const podSecurityLevels = ['privileged', 'baseline', 'restricted'] as const;
export type PodSecurityLevel = (typeof podSecurityLevels)[number];

export const podSecurityModes = ['enforce', 'audit', 'warn'] as const;
export type PodSecurityMode = (typeof podSecurityModes)[number];

/** `version`: `latest` or `v1.N`. */
export interface LevelVersion {
  readonly level: PodSecurityLevel;
  readonly version: string;
}

export type PodSecurityPolicy = Readonly<Record<PodSecurityMode, LevelVersion>>;

export interface PodSecurity {
  readonly defaults: PodSecurityPolicy;
  readonly exemptions: Readonly<Record<'usernames' | 'namespaces' | 'runtimeClasses', readonly string[]>>;
}

const anything: LevelVersion = { level: 'privileged', version: 'latest' };

export const defaultPodSecurity: PodSecurity = {
  defaults: { enforce: anything, audit: anything, warn: anything },
  exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
};

export const isLevel = (text: unknown): text is PodSecurityLevel => podSecurityLevels.some((level) => level === text);
export const levelMessage = `must be one of ${podSecurityLevels.join(', ')}`;

/** As far as Go's int goes. */
const minorMax = 2n ** 63n - 1n;
export const isVersion = (text: unknown): text is string =>
  text === 'latest' || (typeof text === 'string' && /^v1\.(0|[1-9]\d{0,18})$/.test(text) && minorOf(text) <= minorMax);
const minorOf = (version: string): bigint => BigInt(version.slice('v1.'.length));
export const versionMessage = 'must be "latest" or "v1.x"';

const exemptions = {
  usernames: (name: string) => (name === '' ? ['username must not be empty'] : []),
  namespaces: isDns1123Label,
  runtimeClasses: isDns1123Subdomain,
};

export const podSecurityConfiguration = {
  key: 'podSecurity',
  group: 'pod-security.admission.config.k8s.io',
  versions: ['v1', 'v1beta1', 'v1alpha1'],
  kind: 'PodSecurityConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): PodSecurity {
    const fields = new Fields(document, '', ['apiVersion', 'kind', 'defaults', 'exemptions'], problems);
    const known = podSecurityModes.flatMap((mode) => [mode, `${mode}-version`]);
    const defaults = fields.child('defaults', known);
    const names = fields.child('exemptions', Object.keys(exemptions));
    return {
      defaults: {
        enforce: readMode(defaults, 'enforce'),
        warn: readMode(defaults, 'warn'),
        audit: readMode(defaults, 'audit'),
      },
      exemptions: {
        namespaces: readNames(names, 'namespaces'),
        runtimeClasses: readNames(names, 'runtimeClasses'),
        usernames: readNames(names, 'usernames'),
      },
    };
  },
} as const;

function readMode(fields: Fields, mode: PodSecurityMode): LevelVersion {
  const level = fields.text(mode) || anything.level;
  const version = fields.text(`${mode}-version`) || anything.version;
  if (!isLevel(level)) fields.problem(invalid(fields.path(mode), level, levelMessage));
  if (!isVersion(version)) fields.problem(invalid(fields.path(`${mode}-version`), version, versionMessage));
  return isLevel(level) && isVersion(version) ? { level, version } : anything;
}

function readNames(fields: Fields, field: keyof typeof exemptions): string[] {
  const names = new Set<string>();
  fields.texts(field).forEach((name, index) => {
    const at = `${fields.path(field)}[${index}]`;
    const wrong = exemptions[field](name);
    if (wrong.length > 0) fields.problem(invalid(at, name, wrong.join(', ')));
    else if (names.has(name)) fields.problem(duplicate(at, name));
    else names.add(name);
  });
  return [...names];
}
