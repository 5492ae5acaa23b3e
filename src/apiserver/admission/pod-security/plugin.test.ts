// PodSecurity in a server: what is refused, warned of and annotated, of whom, and when nothing is looked at.
import { describe, expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { readConfiguration } from '../../../configuration/configuration.ts';
import { type PodSecurity, podSecurityConfiguration } from '../../../configuration/pod-security.ts';
import { type Answer, testServer } from '../../testing.ts';
import type { AdmissionPlugin } from '../chain.ts';
import { podSecurity } from './plugin.ts';

type Labels = Record<string, string>;
const labels = (own: Labels): Labels =>
  Object.fromEntries(Object.entries(own).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));
const configured = (rest: object): PodSecurity => podSecurityConfiguration.read(rest as Record<string, unknown>, []);

const pods = '/api/v1/namespaces/n/pods';
const pod = (spec: object = {}, name = 'p') => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const privileged = { containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] };
const refusal = (name: string, level = 'baseline:latest', container = 'c') =>
  `pods "${name}" is forbidden: violates PodSecurity "${level}": privileged (container "${container}" must not set securityContext.privileged=true)`;
const warning = (level: string) =>
  `would violate PodSecurity "${level}": privileged (container "c" must not set securityContext.privileged=true)`;

/** A server with a namespace `n` of these labels, and what is annotated for the audit log. */
async function server(own: Labels, configuration: object = {}) {
  const plugin = podSecurity(configured(configuration));
  const annotated: Labels = {};
  const watched: AdmissionPlugin = {
    ...plugin,
    validate(request) {
      const annotate = (key: string, value: string) => {
        annotated[key.replace('pod-security.kubernetes.io/', '')] = value;
      };
      plugin.validate?.({ ...request, annotate });
    },
  };
  const { call, ledger } = await testServer(openSql(), { admission: [watched] });
  const namespace = (name: string, given: Labels) =>
    call('POST', '/api/v1/namespaces', { metadata: { name, labels: labels(given) } });
  const label = (given: Record<string, string | null>, name = 'n') =>
    call('PATCH', `/api/v1/namespaces/${name}`, { metadata: { labels: labels(given as Labels) } });
  expect((await namespace('n', own)).code).toBe(201);
  return { call, ledger, annotated, namespace, label };
}
const warnings = ({ headers }: Answer): string[] =>
  [...(headers.get('warning') ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replaceAll('\\"', '"').replaceAll('\\\\', '\\'),
  );

describe('pods', () => {
  test('are refused where it is enforced, and not warned of beside', async () => {
    const { call, annotated } = await server({ enforce: 'baseline', audit: 'restricted', 'audit-version': 'v1.0' });
    const refused = await call('POST', pods, pod(privileged));
    expect(refused).toMatchObject({ code: 403, json: { reason: 'Forbidden', message: refusal('p') } });
    expect(refused.json.details).toEqual({ name: 'p', kind: 'pods' });
    expect(warnings(refused)).toEqual([]);
    expect(annotated['enforce-policy']).toBe('baseline:latest');
    expect(annotated['audit-violations']).toMatch(
      /^would violate PodSecurity "restricted:v1.0": privileged \(.*\), runAs/,
    );
    expect((await call('POST', pods, pod())).code).toBe(201);
    expect((await call('GET', `${pods}/p`)).code).toBe(200);
  });
  test('with the name that they were given', async () => {
    const { call } = await server({ enforce: 'baseline', 'enforce-version': 'v1.24' });
    const { json } = await call('POST', pods, { ...pod(privileged), metadata: { generateName: 'g-' } });
    expect(json.message).toBe(refusal(json.details.name, 'baseline:v1.24'));
    expect(json.details.name).toMatch(/^g-.{5}$/);
  });
  test('are warned of', async () => {
    const { call, annotated } = await server({ warn: 'baseline' });
    const made = await call('POST', pods, pod(privileged));
    expect(made.code).toBe(201);
    expect(warnings(made)).toEqual([warning('baseline:latest')]);
    expect(annotated).toEqual({ 'enforce-policy': 'privileged:latest' });
  });
  test('of a privileged namespace are not looked at', async () => {
    const { call, annotated } = await server({});
    expect(warnings(await call('POST', pods, pod(privileged)))).toEqual([]);
    expect(annotated).toEqual({ 'enforce-policy': 'privileged:latest' });
  });
  test('of labels that cannot be read are held to the strictest', async () => {
    const { call, ledger, annotated } = await server({});
    await spoil(ledger, 'n', labels({ enforce: 'nothing', 'enforce-version': 'v9' }));
    const { json } = await call('POST', pods, pod());
    expect(json.message).toContain('violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false');
    expect(annotated.error).toBe(
      'Failed to parse policy: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "nothing": must be one of privileged, baseline, restricted, ' +
        'metadata.labels[pod-security.kubernetes.io/enforce-version]: Invalid value: "v9": must be "latest" or "v1.x"]',
    );
  });
  test('on a dry run as well', async () => {
    const { call } = await server({ enforce: 'baseline' });
    expect((await call('POST', `${pods}?dryRun=All`, pod(privileged))).json.message).toBe(refusal('p'));
  });
});

describe('pods that are there already', () => {
  const tightened = async () => {
    const all = await server({});
    expect((await all.call('POST', pods, pod(privileged))).code).toBe(201);
    expect((await all.label({ enforce: 'baseline' })).code).toBe(200);
    return all;
  };
  test('keep running, and may change in what does not matter', async () => {
    const { call } = await tightened();
    expect((await call('PATCH', `${pods}/p`, { metadata: { labels: { a: 'b' } } })).code).toBe(200);
    expect((await call('PATCH', `${pods}/p/status`, { status: { phase: 'Running' } })).code).toBe(200);
    const binding = { metadata: { name: 'p' }, target: { kind: 'Node', name: 'a' } };
    expect((await call('POST', `${pods}/p/binding`, binding)).code).toBe(201);
  });
  test('may not run another image', async () => {
    const { call } = await tightened();
    const patch = { spec: { containers: [{ ...privileged.containers[0], image: 'j' }] } };
    expect((await call('PATCH', `${pods}/p`, patch)).json.message).toBe(refusal('p'));
  });
  test('get no ephemeral container that violates (class of CVE-2023-2727)', async () => {
    const { call } = await server({ enforce: 'baseline' });
    expect((await call('POST', pods, pod())).code).toBe(201);
    const patch = (securityContext: object) => ({
      spec: { ephemeralContainers: [{ name: 'd', image: 'i', securityContext }] },
    });
    const refused = await call('PATCH', `${pods}/p/ephemeralcontainers`, patch({ privileged: true }));
    expect(refused.json.message).toBe(refusal('p', 'baseline:latest', 'd'));
    expect((await call('PATCH', `${pods}/p/ephemeralcontainers`, patch({}))).code).toBe(200);
  });
});

describe('controllers', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { ...privileged, restartPolicy: 'Always' } };
  const job = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
  const selector = { matchLabels: { a: 'b' } };
  const kinds: [string, string, object][] = [
    ['api/v1', 'podtemplates', { template }],
    ['api/v1', 'replicationcontrollers', { spec: { selector: { a: 'b' }, template } }],
    ['apis/apps/v1', 'replicasets', { spec: { selector, template } }],
    ['apis/apps/v1', 'deployments', { spec: { selector, template } }],
    ['apis/apps/v1', 'daemonsets', { spec: { selector, template } }],
    ['apis/apps/v1', 'statefulsets', { spec: { selector, template, serviceName: 's' } }],
    ['apis/batch/v1', 'jobs', { spec: { template: job } }],
    ['apis/batch/v1', 'cronjobs', { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: job } } } }],
  ];
  test.each(kinds)('%s %s are warned of and audited, never refused', async (group, plural, rest) => {
    const { call, annotated } = await server({ enforce: 'baseline', audit: 'baseline', 'audit-version': 'v1.30' });
    const made = await call('POST', `/${group}/namespaces/n/${plural}`, { metadata: { name: 'w' }, ...rest });
    expect(made.code, made.text).toBe(201);
    // Whoever enforces a level is warned at it.
    expect(warnings(made)).toEqual([warning('baseline:latest')]);
    expect(annotated).toEqual({ 'audit-violations': warning('baseline:v1.30') });
  });
  test('their subresources are not looked at', async () => {
    const { call, annotated } = await server({ warn: 'baseline', audit: 'baseline' });
    const path = '/apis/apps/v1/namespaces/n/deployments';
    await call('POST', path, { metadata: { name: 'w' }, spec: { selector, template } });
    delete annotated['audit-violations'];
    expect(warnings(await call('PATCH', `${path}/w/scale`, { spec: { replicas: 2 } }))).toEqual([]);
    expect(annotated).toEqual({});
  });
  test('a replication controller without a template', async () => {
    const { call } = await server({ warn: 'baseline' });
    const answer = await call('POST', '/api/v1/namespaces/n/replicationcontrollers', { metadata: { name: 'w' } });
    expect([201, 422]).toContain(answer.code);
  });
});

test('the cluster has a default, and namespaces their own', async () => {
  const { call, namespace } = await server({}, { defaults: { enforce: 'baseline', 'enforce-version': 'v1.30' } });
  expect((await call('POST', pods, pod(privileged))).json.message).toBe(refusal('p', 'baseline:v1.30'));
  await namespace('own', { enforce: 'privileged' });
  expect((await call('POST', '/api/v1/namespaces/own/pods', pod(privileged))).code).toBe(201);
});

test('a server is configured by what its administrator wrote', async () => {
  const { call } = await testServer(openSql(), {
    configuration: { podSecurity: configured({ defaults: { enforce: 'baseline' } }) },
  });
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } });
  await call('POST', '/api/v1/namespaces/n/serviceaccounts', { metadata: { name: 'default' } });
  expect((await call('POST', pods, pod(privileged))).json.message).toBe(refusal('p'));
  expect((await call('POST', pods, pod())).code).toBe(201);
  const { text } = await call('GET', '/metrics');
  const counted = (decision: string) =>
    `pod_security_evaluations_total{decision="${decision}",mode="enforce",policy_level="baseline",policy_version="latest",request_operation="create",resource="pod",subresource=""} 1\n`;
  expect(text).toContain(counted('allow'));
  expect(text).toContain(counted('deny'));
});

test('the audit log says what was enforced and what would have been', async () => {
  const events: { stage: string; annotations?: Labels }[] = [];
  const { call } = await testServer(openSql(), {
    configuration: readConfiguration([
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata', resources: [{ group: '' }] }] },
      {
        apiVersion: 'pod-security.admission.config.k8s.io/v1',
        kind: 'PodSecurityConfiguration',
        defaults: { enforce: 'baseline', audit: 'restricted', 'audit-version': 'v1.0' },
      },
    ]),
    audit: { line: (line) => void events.push(JSON.parse(line)), waitUntil() {} },
  });
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } });
  await call('POST', '/api/v1/namespaces/n/serviceaccounts', { metadata: { name: 'default' } });
  expect((await call('POST', pods, pod(privileged))).code).toBe(403);
  expect(events.at(-1)).toMatchObject({
    stage: 'ResponseComplete',
    annotations: {
      'pod-security.kubernetes.io/enforce-policy': 'baseline:latest',
      'pod-security.kubernetes.io/audit-violations':
        'would violate PodSecurity "restricted:v1.0": privileged (container "c" must not set securityContext.privileged=true), ' +
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
    },
  });
});

describe('exempt are', () => {
  const enforce = { enforce: 'restricted' };
  test.each<[string, object, object, object]>([
    ['namespace', { namespaces: ['n'] }, {}, {}],
    ['user', { usernames: ['ci'] }, {}, { 'impersonate-user': 'ci', 'impersonate-group': 'system:masters' }],
    ['runtimeClass', { runtimeClasses: ['kata'] }, { runtimeClassName: 'kata' }, {}],
  ])('pods by their %s', async (why, exemptions, spec, headers) => {
    const { call, annotated } = await server(enforce, { exemptions });
    const made = await call('POST', pods, pod({ ...privileged, ...spec }), headers as Labels);
    expect(made.code, made.text).toBe(201);
    expect(annotated).toEqual({ exempt: why });
  });
  test('nobody else', async () => {
    const exemptions = { namespaces: ['m'], usernames: ['ci'], runtimeClasses: ['kata'] };
    const { call } = await server(enforce, { exemptions });
    expect((await call('POST', pods, pod({ ...privileged, runtimeClassName: 'kata2' }))).code).toBe(403);
  });
  test('namespaces, whose labels are then of no use', async () => {
    const { label, namespace } = await server({}, { exemptions: { namespaces: ['n', 'm'] } });
    const text = (name: string, policy: string) =>
      `namespace "${name}" is exempt from Pod Security, and the policy (${policy}) will be ignored`;
    expect(warnings(await label({ enforce: 'baseline' }))).toEqual([text('n', 'enforce=baseline:latest')]);
    expect(warnings(await namespace('m', { 'audit-version': 'v1.1', audit: 'restricted', warn: 'baseline' }))).toEqual([
      text('m', 'audit=restricted:v1.1, warn=baseline:latest'),
    ]);
  });
});

describe('namespaces', () => {
  test('have labels that can be read', async () => {
    const { namespace, label } = await server({});
    const made = await namespace('m', { enforce: 'none', 'warn-version': '1.3' });
    expect(made.json).toMatchObject({
      code: 422,
      message:
        'Namespace "m" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "none": must be one of privileged, baseline, restricted, ' +
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.3": must be "latest" or "v1.x"]',
      details: { kind: 'Namespace', name: 'm' },
    });
    expect((await label({ audit: 'Baseline' })).code).toBe(422);
  });
  test('may keep those that cannot', async () => {
    const { call, ledger, label } = await server({});
    await spoil(ledger, 'n', labels({ audit: 'none' }));
    expect((await call('PATCH', '/api/v1/namespaces/n', { metadata: { labels: { a: 'b' } } })).code).toBe(200);
    expect((await label({ audit: 'nothing' })).code).toBe(422);
    expect((await label({ audit: null })).code).toBe(200);
  });
  test('that become stricter tell of pods that they would not let in again', async () => {
    const { call, label } = await server({}, { exemptions: { runtimeClasses: ['kata'] } });
    for (const name of ['b', 'a', 'c']) await call('POST', pods, pod(privileged, name));
    await call('POST', pods, pod({ hostPID: true }, 'd'));
    await call('POST', pods, pod({ ...privileged, hostPID: true }, 'f'));
    await call('POST', pods, pod({ ...privileged, hostPID: true }, 'e'));
    await call('POST', pods, pod({ ...privileged, runtimeClassName: 'kata' }, 'g'));
    await call('POST', pods, pod({}, 'h'));
    const told = [
      'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 2 other pods): privileged',
      'd: host namespaces',
      'e (and 1 other pod): host namespaces, privileged',
    ];
    expect(warnings(await label({ warn: 'restricted' }))).toEqual([]);
    expect(warnings(await label({ enforce: 'baseline' }))).toEqual(told);
    expect(warnings(await label({ enforce: 'baseline', audit: 'baseline' })), 'the same').toEqual([]);
    expect(warnings(await label({ 'enforce-version': 'v1.30' }))[0], 'another version').toContain('"baseline:v1.30"');
    expect(warnings(await label({ enforce: 'restricted' }))[0], 'stricter').toContain('"restricted:v1.30"');
    expect(warnings(await label({ enforce: 'baseline' })), 'looser').toEqual([]);
    expect(warnings(await label({ enforce: 'privileged', 'enforce-version': 'latest' }))).toEqual([]);
  });
  test('look at so many pods and no more', async () => {
    const { call, ledger, label } = await server({});
    await call('POST', pods, pod(privileged, 'a'));
    const value = ledger.get('pods/n/a')?.value ?? '';
    await ledger.commit((tx) => {
      for (let i = 0; i < 3001; i++)
        tx.put(`pods/n/b${i}`, () => ({ value: value.replace('"name":"a"', `"name":"b${i}"`), side: '', tags: [] }));
    });
    expect(warnings(await label({ enforce: 'baseline' }))).toEqual([
      'new PodSecurity enforce level only checked against the first 3000 of 3002 existing pods',
      'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 2999 other pods): privileged',
    ]);
  });
  test('as parts of them are not looked at', async () => {
    const { call } = await server({ enforce: 'baseline' });
    await call('POST', pods, pod());
    const finalized = await call('GET', '/api/v1/namespaces/n');
    expect((await call('PUT', '/api/v1/namespaces/n/finalize', finalized.json)).code).toBe(200);
  });
});

/** As labels are that were written before anyone looked at them. */
async function spoil(ledger: Awaited<ReturnType<typeof server>>['ledger'], name: string, own: Labels): Promise<void> {
  await ledger.commit((tx) =>
    tx.put(`namespaces/${name}`, (revision, current) => ({
      value: (current?.value ?? '')
        .replace('"labels":{', `"labels":{${JSON.stringify(own).slice(1, -1)},`)
        .replace(/"resourceVersion":"\d+"/, `"resourceVersion":"${revision}"`),
      side: current?.side ?? '',
      tags: [],
    })),
  );
}
