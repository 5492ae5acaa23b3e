import { describe, expect, test } from 'vitest';
import type { HorizontalPodAutoscaler } from '../../generated/schemas/autoscaling-v2.ts';
import { cellsOf, createOf, objectOf, updateOf } from '../testing.ts';
import { fromStored, toStored } from './horizontalpodautoscalers/conversion.ts';
import autoscalers from './horizontalpodautoscalers/definition.ts';
import autoscalersV1 from './horizontalpodautoscalers/definition.v1.ts';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const spec = { scaleTargetRef, maxReplicas: 3 };
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } };
const memory = {
  type: 'Resource',
  resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
};
const external = {
  type: 'External',
  external: {
    metric: { name: 'queue', selector: { matchLabels: { a: 'b' } } },
    target: { type: 'AverageValue', averageValue: '30' },
  },
};

test('defaults: 80 % of CPU, one replica at least; behaviour only where asked for', () => {
  const { object, problems } = createOf(autoscalers, { spec });
  expect(problems).toEqual([]);
  expect(object.spec).toEqual({ ...spec, minReplicas: 1, metrics: [cpu] });
  expect(object.status).toEqual({ desiredReplicas: 0, currentMetrics: null });
  const behaviour = { scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Disabled' } };
  expect(createOf(autoscalers, { spec: { ...spec, behavior: behaviour } }).object.spec.behavior).toEqual({
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: 60,
      selectPolicy: 'Disabled',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    },
  });
});

test.each<[string, object, string[]]>([
  [
    'numbers of replicas',
    { maxReplicas: 0, minReplicas: 0 },
    [
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.maxReplicas: Invalid value: 0: must be greater than 0',
      'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas',
    ],
  ],
  [
    'target',
    { scaleTargetRef: { kind: 'a/b', name: '' } },
    [
      'spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain \'/\'',
      'spec.scaleTargetRef.name: Required value',
      'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
    ],
  ],
  ['a replication controller', { scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController', name: 'x' } }, []],
  [
    'a metric without its source',
    { metrics: [{ type: 'Pods', resource: cpu.resource }] },
    ['spec.metrics[0].pods: Required value: must populate information for the given metric source'],
  ],
  [
    'two sources',
    { metrics: [{ ...cpu, external: external.external }] },
    ['spec.metrics[0].external: Forbidden: must populate the given metric source only'],
  ],
  [
    'no type',
    { metrics: [{}] },
    [
      'spec.metrics[0].type: Required value: must specify a metric source type',
      ...Array(2).fill(
        'spec.metrics[0].type: Unsupported value: "": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      ),
    ],
  ],
  [
    'a resource without value',
    { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] },
    [
      'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
    ],
  ],
  [
    'an external metric',
    {
      metrics: [
        { type: 'External', external: { metric: {}, target: { type: 'Value', value: '0', averageValue: '1' } } },
      ],
    },
    [
      'spec.metrics[0].external.metric.name: Required value: must specify a metric name',
      'spec.metrics[0].external.target.value: Invalid value: "0": must be positive',
      'spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target',
    ],
  ],
  [
    'behaviour',
    {
      behavior: {
        scaleUp: { policies: [{ type: 'Magic', value: 0, periodSeconds: 1801 }], stabilizationWindowSeconds: 3601 },
        scaleDown: { selectPolicy: 'Any', policies: [], tolerance: '-1' },
      },
    },
    [
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Magic": supported values: "Percent", "Pods"',
      'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
      'spec.behavior.scaleDown.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleDown.policies: Required value: must specify at least one Policy',
      'spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
])('validation: %s', (_name, parts, problems) => {
  expect(createOf(autoscalers, { spec: { ...spec, ...parts } }).problems).toEqual(problems);
});

test('an update that keeps an invalid target is taken', () => {
  const kept = { ...spec, scaleTargetRef: { kind: 'Deployment', name: 'web' } };
  const old = createOf(autoscalers, { spec: kept }).object;
  expect(updateOf(autoscalers, old, { spec: { ...kept, maxReplicas: 5 } }).problems).toEqual([]);
});

test.each<[object, string]>([
  [{ spec }, '<none>'],
  [{ spec: { ...spec, metrics: [cpu, memory] } }, 'cpu: <unknown>/80%, memory: <unknown>/1Gi'],
  [
    {
      spec: { ...spec, metrics: [cpu, external, memory] },
      status: {
        currentMetrics: [
          { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 20 } } },
          { type: 'External', external: { metric: { name: 'queue' }, current: { averageValue: '10' } } },
        ],
      },
    },
    'cpu: 20%/80%, 10/30 (avg) + 1 more...',
  ],
])('columns %#', (parts, targets) => {
  expect(cellsOf(autoscalers, objectOf(autoscalers, parts))).toMatchObject({
    Reference: 'Deployment/web',
    Targets: targets,
    MinPods: '<unset>',
    MaxPods: 3,
    Replicas: 0,
  });
});

describe('version 1', () => {
  const stored = (parts: object) => objectOf(autoscalers, parts);

  test('one metric is a field, the others are an annotation', () => {
    const seen = fromStored(stored({ spec: { ...spec, minReplicas: 1, metrics: [cpu, memory, external] } }));
    expect(seen.spec).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 80 });
    expect(seen.metadata.annotations).toEqual({
      'autoscaling.alpha.kubernetes.io/metrics':
        '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},' +
        '{"type":"External","external":{"metricName":"queue","metricSelector":{"matchLabels":{"a":"b"}},"targetAverageValue":"30"}}]',
    });
    expect(seen.status).toEqual({ currentReplicas: 0, desiredReplicas: 0 });
  });

  test('nothing at all means the default metric', () => {
    const object = objectOf(autoscalersV1, { spec });
    expect(toStored(object).spec.metrics).toEqual([cpu]);
  });

  test('the behaviour is written as upstream’s internal type prints', () => {
    const scaleUp = { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] };
    const object = stored({ spec: { ...spec, metrics: [cpu], behavior: { scaleUp } } });
    const seen = fromStored(object);
    expect(seen.metadata.annotations).toEqual({
      'autoscaling.alpha.kubernetes.io/behavior':
        '{"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}',
    });
    expect(toStored(seen).spec.behavior).toEqual({ scaleUp });
  });

  test('everything comes back', () => {
    const all: HorizontalPodAutoscaler = stored({
      metadata: { annotations: { mine: 'x' } },
      spec: {
        ...spec,
        minReplicas: 2,
        metrics: [
          memory,
          external,
          {
            type: 'Object',
            object: {
              describedObject: { kind: 'Service', name: 's' },
              metric: { name: 'rps' },
              target: { type: 'Value', value: '10' },
            },
          },
          { type: 'Pods', pods: { metric: { name: 'p' }, target: { type: 'AverageValue', averageValue: '5' } } },
          {
            type: 'ContainerResource',
            containerResource: { name: 'cpu', container: 'c', target: { type: 'Utilization', averageUtilization: 5 } },
          },
          cpu,
        ],
      },
      status: {
        observedGeneration: 1,
        currentReplicas: 2,
        desiredReplicas: 3,
        conditions: [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z', reason: 'r' }],
        currentMetrics: [
          { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 7, averageValue: '70m' } } },
        ],
      },
    });
    const seen = fromStored(all);
    expect(seen.status.currentCPUUtilizationPercentage).toBe(7);
    expect(toStored(seen)).toMatchObject({ metadata: all.metadata, spec: all.spec, status: all.status });
  });

  test.each(['{', '7', '[1]', 'null', '{"ScaleUp":7}'])('annotations that make no sense are dropped: %s', (text) => {
    const annotations = Object.fromEntries(
      ['metrics', 'current-metrics', 'conditions', 'behavior'].map((key) => [
        `autoscaling.alpha.kubernetes.io/${key}`,
        text,
      ]),
    );
    const { metadata, spec: made } = toStored(objectOf(autoscalersV1, { metadata: { annotations }, spec }));
    expect(metadata.annotations).toBeUndefined();
    expect(made.metrics).toEqual([cpu]);
  });
});
