import { describe, expect, test } from 'vitest';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import deployments from './deployments/definition.ts';
import replicaSets from './replicasets/definition.ts';

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } };
const selector = { matchLabels: { app: 'web' } };
const good = { spec: { selector, template } };

test('defaults of a deployment', () => {
  const { object, problems } = createOf(deployments, good);
  expect(problems).toEqual([]);
  expect(object.spec).toMatchObject({
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            imagePullPolicy: 'IfNotPresent',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        securityContext: {},
        terminationGracePeriodSeconds: 30,
      },
    },
  });
  // Service links are a default of pods, not of templates.
  expect(object.spec.template.spec?.enableServiceLinks).toBeUndefined();
  expect(object.status).toEqual({});
});

test.each<[string, object, string[]]>([
  [
    'no selector',
    { template },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [
    'empty selector',
    { selector: {}, template },
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],
  [
    'selector that does not match',
    { selector: { matchLabels: { app: 'db' } }, template },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    'negative replicas',
    { selector, template, replicas: -1 },
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  ],
  [
    'neither surge nor unavailability',
    { selector, template, strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  ],
  [
    'recreate with rolling parameters',
    { selector, template, strategy: { type: 'Recreate', rollingUpdate: {} } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    'strategy',
    { selector, template, strategy: { type: 'Magic' } },
    [
      'spec.strategy: Unsupported value: {"Type":"Magic","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
  ],
  [
    'restart policy',
    { selector, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    'deadline',
    { selector, template, minReadySeconds: 700 },
    ['spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds'],
  ],
])('deployment: %s', (_name, spec, problems) => {
  expect(createOf(deployments, { spec }).problems).toEqual(problems);
});

test('a deployment without a spec is refused, not a crash', () => {
  expect(createOf(deployments, {}).problems).toEqual([
    'spec.selector: Required value',
    'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
    'spec.template.spec.containers: Required value',
  ]);
});

test('the selector is immutable', () => {
  const { object } = createOf(deployments, good);
  const labels = { app: 'web', tier: 'front' };
  const { problems } = updateOf(deployments, object, {
    spec: { selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } },
  });
  expect(problems).toEqual([
    'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"front"}}: field is immutable',
  ]);
});

describe('scale', () => {
  const scale = replicaSets.subresources?.find((one) => one.name === 'scale')?.behaviour;
  if (scale?.type !== 'projection') throw new Error('no scale');
  test('reads', () => {
    const object = objectOf(replicaSets, { spec: { replicas: 3, selector }, status: { replicas: 2 } });
    expect(scale.read(object)).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'x', namespace: 'default', uid: 'u1', resourceVersion: '1' },
      spec: { replicas: 3 },
      status: { replicas: 2, selector: 'app=web' },
    });
  });
  test('writes', () => {
    const object = objectOf(replicaSets, { spec: { replicas: 3, selector } });
    expect(scale.write(object, { spec: { replicas: 5 } }, contextOf())).toEqual([]);
    expect(object.spec.replicas).toBe(5);
    expect(scale.write(object, { spec: { replicas: -1 } }, contextOf())).toHaveLength(1);
    expect(scale.write(object, {}, contextOf())).toEqual([]);
    expect(object.spec.replicas).toBe(0);
  });
});

test('columns', () => {
  const object = objectOf(deployments, {
    spec: { ...good.spec, replicas: 3 },
    status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
  });
  expect(cellsOf(deployments, object)).toEqual({
    Name: 'x',
    Ready: '2/3',
    'Up-to-date': 3,
    Available: 1,
    Age: { since: '2026-01-02T03:04:05Z' },
    Containers: 'web',
    Images: 'nginx:1',
    Selector: 'app=web',
  });
});

test('the status of a deployment changes neither spec nor labels', () => {
  const status = deployments.subresources?.find((one) => one.name === 'status')?.behaviour;
  if (status?.type !== 'part') throw new Error('no status');
  const old = createOf(deployments, good).object;
  const object = structuredClone(old);
  object.spec.replicas = 9;
  object.metadata.labels = { a: 'b' };
  object.status = { replicas: 1, readyReplicas: 2 };
  status.prepareForUpdate(object, old, contextOf({ operation: 'update' }));
  expect(object.spec).toEqual(old.spec);
  expect(object.metadata.labels).toBeUndefined();
  expect(status.validateUpdate?.(object, old, contextOf())).toEqual([
    { type: 'Invalid', field: 'status.readyReplicas', badValue: 2, detail: 'cannot be greater than status.replicas' },
  ]);
});
