import { expect, test } from 'vitest';
import { type ConfigurationError, readConfiguration } from './configuration.ts';
import { defaultPodSecurity } from './pod-security.ts';

const own = (rest: object) => ({
  apiVersion: 'pod-security.admission.config.k8s.io/v1',
  kind: 'PodSecurityConfiguration',
  ...rest,
});
const admission = (...plugins: unknown[]) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins,
});
const read = (...documents: unknown[]) => readConfiguration(documents).podSecurity;
function problems(...documents: unknown[]): string[] {
  try {
    readConfiguration(documents);
  } catch (error) {
    return (error as ConfigurationError).message.split('\n');
  }
  return [];
}

const given = {
  defaults: { enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted' },
  exemptions: { usernames: ['ci'], namespaces: ['storage'], runtimeClasses: ['kata'] },
};
const meant = {
  defaults: {
    enforce: { level: 'baseline', version: 'v1.30' },
    audit: { level: 'privileged', version: 'latest' },
    warn: { level: 'restricted', version: 'latest' },
  },
  exemptions: { usernames: ['ci'], namespaces: ['storage'], runtimeClasses: ['kata'] },
};

test('by itself, in each version, and as the part of a plugin', () => {
  expect(read(own(given))).toEqual(meant);
  expect(read({ ...own(given), apiVersion: 'pod-security.admission.config.k8s.io/v1beta1' })).toEqual(meant);
  expect(read(admission({ name: 'PodSecurity', configuration: own(given) }))).toEqual(meant);
});

test('what is not said is privileged:latest, and nobody is exempt', () => {
  expect(read(own({}))).toEqual(defaultPodSecurity);
  expect(read(own({ defaults: { enforce: '' }, exemptions: null }))).toEqual(defaultPodSecurity);
  expect(read(admission())).toBeUndefined();
  expect(read(admission({ name: 'PodSecurity' }))).toBeUndefined();
  expect(read()).toBeUndefined();
});

test('what is wrong is said by field', () => {
  const at = 'document 1 (PodSecurityConfiguration):';
  expect(problems(own({ defaults: { enforce: 'none', 'warn-version': 'v2.1', audit: 7, deny: 'all' } }))).toEqual([
    `${at} defaults.deny: Forbidden: unknown field`,
    `${at} defaults.enforce: Invalid value: "none": must be one of privileged, baseline, restricted`,
    `${at} defaults.warn-version: Invalid value: "v2.1": must be "latest" or "v1.x"`,
    `${at} defaults.audit: Invalid value: 7: must be a string`,
  ]);
  expect(
    problems(own({ exemptions: { namespaces: ['a', 'a', 'B'], usernames: ['', 'x', 'x'], runtimeClasses: 'kata' } })),
  ).toEqual([
    `${at} exemptions.namespaces[1]: Duplicate value: "a"`,
    expect.stringContaining(`${at} exemptions.namespaces[2]: Invalid value: "B": a lowercase RFC 1123 label`),
    `${at} exemptions.runtimeClasses: Invalid value: "kata": must be a list`,
    `${at} exemptions.usernames[0]: Invalid value: "": username must not be empty`,
    `${at} exemptions.usernames[2]: Duplicate value: "x"`,
  ]);
  for (const shape of [{ defaults: 'x' }, { defaults: [] }, { exemptions: 3 }, { unheard: {} }])
    expect(problems(own(shape)), JSON.stringify(shape)).toHaveLength(1);
});

test('of an AdmissionConfiguration each plugin’s own counts, once', () => {
  const at = 'document 1 (AdmissionConfiguration):';
  const inner = own({ defaults: { warn: 'x' } });
  expect(
    problems(
      admission(
        { name: 'AlwaysPullImages', path: '/etc/limits.yaml' },
        { name: 'PodSecurity', path: '/etc/pods.yaml' },
        { name: 'PodSecurity', configuration: { apiVersion: 'v1', kind: 'ConfigMap' } },
      ),
    ),
  ).toEqual([
    `${at} plugins[0].name: Unsupported value: "AlwaysPullImages": supported values: "EventRateLimit", "PodSecurity"`,
    `${at} plugins[1].path: Forbidden: no file is read: put its content into configuration`,
    `${at} plugins[2].name: Duplicate value: "PodSecurity"`,
    `${at} plugins[2].configuration.apiVersion: Invalid value: "v1": must be of the group pod-security.admission.config.k8s.io`,
  ]);
  expect(problems(admission({ name: 'PodSecurity', configuration: inner }))).toEqual([
    'document 1, plugins[0].configuration (PodSecurityConfiguration): defaults.warn: Invalid value: "x": must be one of privileged, baseline, restricted',
  ]);
  for (const plugins of [
    'x',
    [null],
    ['x'],
    [{ name: 'PodSecurity', configuration: 'x' }],
    [{}],
    [{ name: '__proto__' }],
  ])
    expect(problems({ ...admission(), plugins }), JSON.stringify(plugins)).not.toEqual([]);
  expect(problems(own({}), admission({ name: 'PodSecurity', configuration: own({}) }))).toEqual([
    'document 2, plugins[0].configuration: PodSecurityConfiguration is there twice',
  ]);
});

test('versions as far as they are numbers', () => {
  const of = (version: string) => problems(own({ defaults: { 'enforce-version': version } })).length;
  for (const fine of ['latest', 'v1.0', 'v1.99', 'v1.9223372036854775807']) expect(of(fine), fine).toBe(0);
  for (const wrong of ['1.0', 'v1.01', 'v1.', 'v1', 'v1.-1', 'v0.1', 'v1.1\n', 'v1.9223372036854775808', 'Latest'])
    expect(of(wrong), JSON.stringify(wrong)).toBe(1);
});
