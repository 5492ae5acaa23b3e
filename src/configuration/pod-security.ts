// PodSecurityConfiguration: the level that namespaces without labels of their own are held to, and who is exempt. By itself,
// as upstream's webhook takes it, or as a plugin's part of an AdmissionConfiguration, as upstream's API server does. No other
// plugin is configured, and no file is read.
import type { FieldError } from '../machinery/errors.ts';
import {
  duplicate,
  forbidden,
  invalid,
  isDns1123Label,
  isDns1123Subdomain,
  notSupported,
  required,
} from '../machinery/validation.ts';

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

const group = 'pod-security.admission.config.k8s.io';
const versions = ['v1', 'v1beta1', 'v1alpha1'];
const kind = 'PodSecurityConfiguration';
const plugin = 'PodSecurity';

export const podSecurityConfiguration = {
  key: 'podSecurity',
  group,
  versions,
  kind,
  read: (document: Readonly<Record<string, unknown>>, problems: FieldError[]) => read(document, '', problems),
} as const;

export const admissionConfiguration = {
  key: 'podSecurity',
  group: 'apiserver.config.k8s.io',
  versions: ['v1'],
  kind: 'AdmissionConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): PodSecurity {
    const { plugins = [] } = fieldsOf(document, '', ['apiVersion', 'kind', 'plugins'], problems);
    if (!Array.isArray(plugins)) {
      problems.push(invalid('plugins', plugins, 'must be a list'));
      return defaultPodSecurity;
    }
    let found = defaultPodSecurity;
    const seen = new Set<unknown>();
    plugins.forEach((one: unknown, index) => {
      const at = `plugins[${index}]`;
      const { name, path, configuration } = fieldsOf(one, at, ['name', 'path', 'configuration'], problems);
      if (seen.has(name)) problems.push(duplicate(`${at}.name`, name));
      seen.add(name);
      if (name !== plugin) problems.push(notSupported(`${at}.name`, name ?? '', [plugin]));
      else if (path) problems.push(forbidden(`${at}.path`, 'no file is read: put its content into configuration'));
      else if (configuration !== undefined && configuration !== null) {
        const own = objectOf(configuration, `${at}.configuration`, problems);
        const known = own.kind === kind && versions.some((version) => own.apiVersion === `${group}/${version}`);
        if (own.kind !== undefined && !known)
          problems.push(
            invalid(`${at}.configuration`, `${own.apiVersion}/${own.kind}`, `expected a ${kind} of ${group}`),
          );
        else if (own.kind === undefined) problems.push(required(`${at}.configuration.kind`));
        else found = read(own, `${at}.configuration.`, problems);
      }
    });
    return found;
  },
} as const;

function read(document: Readonly<Record<string, unknown>>, prefix: string, problems: FieldError[]): PodSecurity {
  const { defaults, exemptions } = fieldsOf(
    document,
    prefix,
    ['apiVersion', 'kind', 'defaults', 'exemptions'],
    problems,
  );
  const given = fieldsOf(
    defaults ?? {},
    `${prefix}defaults`,
    podSecurityModes.flatMap((mode) => [mode, `${mode}-version`]),
    problems,
  );
  const policy = (mode: PodSecurityMode): LevelVersion => {
    const level = given[mode] || anything.level;
    const version = given[`${mode}-version`] || anything.version;
    const at = `${prefix}defaults.${mode}`;
    if (!isLevel(level)) problems.push(invalid(at, level, levelMessage));
    if (!isVersion(version)) problems.push(invalid(`${at}-version`, version, versionMessage));
    return isLevel(level) && isVersion(version) ? { level, version } : anything;
  };
  const names = fieldsOf(exemptions ?? {}, `${prefix}exemptions`, Object.keys(exemptionChecks), problems);
  return {
    defaults: { enforce: policy('enforce'), warn: policy('warn'), audit: policy('audit') },
    exemptions: {
      namespaces: exempt('namespaces', names, prefix, problems),
      runtimeClasses: exempt('runtimeClasses', names, prefix, problems),
      usernames: exempt('usernames', names, prefix, problems),
    },
  };
}

const exemptionChecks: Readonly<Record<keyof PodSecurity['exemptions'], (name: string) => string[]>> = {
  usernames: (name) => (name === '' ? ['username must not be empty'] : []),
  namespaces: isDns1123Label,
  runtimeClasses: isDns1123Subdomain,
};

function exempt(
  field: keyof PodSecurity['exemptions'],
  names: Readonly<Record<string, unknown>>,
  prefix: string,
  problems: FieldError[],
): string[] {
  const at = `${prefix}exemptions.${field}`;
  const list = names[field] ?? [];
  if (!Array.isArray(list)) {
    problems.push(invalid(at, list, 'must be a list'));
    return [];
  }
  const kept = new Set<string>();
  list.forEach((name: unknown, index) => {
    const here = `${at}[${index}]`;
    const wrong = typeof name === 'string' ? exemptionChecks[field](name) : ['must be a string'];
    if (wrong.length > 0) problems.push(invalid(here, name, wrong.join(', ')));
    else if (kept.has(name as string)) problems.push(duplicate(here, name));
    else kept.add(name as string);
  });
  return [...kept];
}

/** An object of these fields; whatever else it has is a problem. */
function fieldsOf(
  value: unknown,
  at: string,
  fields: readonly string[],
  problems: FieldError[],
): Readonly<Record<string, unknown>> {
  const object = objectOf(value, at, problems);
  const prefix = at === '' || at.endsWith('.') ? at : `${at}.`;
  for (const field of Object.keys(object))
    if (!fields.includes(field)) problems.push(forbidden(`${prefix}${field}`, 'unknown field'));
  return Object.fromEntries(fields.filter((field) => Object.hasOwn(object, field)).map((f) => [f, object[f]]));
}

function objectOf(value: unknown, at: string, problems: FieldError[]): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  problems.push(invalid(at, value, 'must be an object'));
  return {};
}
