// Between autoscaling/v1 and v2. Version 1 knows one metric, the utilization of CPU; the others, their present values, the
// conditions and the scaling behaviour travel in annotations, as upstream writes them: metrics and conditions in the form of
// version 1, the behaviour in that of upstream's internal type.
//
// v2 metrics [cpu 60 %, memory 70 %] → v1 targetCPUUtilizationPercentage: 60, annotation metrics: [memory 70 %] → v2 [memory 70 %, cpu 60 %].

import type * as v1 from '../../../generated/schemas/autoscaling-v1.ts';
import type * as v2 from '../../../generated/schemas/autoscaling-v2.ts';
import { isJsonObject } from '../../../machinery/schema/json.ts';
import { defaultMetrics } from './defaults.ts';
import { specFromV1, specToV1, statusFromV1, statusToV1 } from './metrics.ts';

const prefix = 'autoscaling.alpha.kubernetes.io/';
const metricsKey = `${prefix}metrics`;
const currentMetricsKey = `${prefix}current-metrics`;
const conditionsKey = `${prefix}conditions`;
const behaviorKey = `${prefix}behavior`;
const keys = [
  metricsKey,
  behaviorKey,
  `${prefix}scale-down-tolerance`,
  `${prefix}scale-up-tolerance`,
  currentMetricsKey,
  conditionsKey,
];

type Annotations = Record<string, string>;

const withoutKeys = (annotations: Annotations | undefined): Annotations =>
  Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !keys.includes(key)));

/** The value of an annotation; undefined when absent or no JSON. */
function parsed(annotations: Annotations | undefined, key: string): unknown {
  const text = annotations?.[key];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objects(value: unknown): Record<string, unknown>[] | undefined {
  return Array.isArray(value) && value.every(isJsonObject) ? value : undefined;
}

/** Every member of an object named as Go names fields (`ScaleUp`), or back; `fields` in Go's order, absent ones null. */
type Naming = { readonly [field: string]: Naming | 'value' };
const policy: Naming = { Type: 'value', Value: 'value', PeriodSeconds: 'value' };
const rules: Naming = {
  StabilizationWindowSeconds: 'value',
  SelectPolicy: 'value',
  Policies: policy,
  Tolerance: 'value',
};
const behavior: Naming = { ScaleUp: rules, ScaleDown: rules };

function renamed(value: unknown, naming: Naming | 'value', to: 'internal' | 'json'): unknown {
  if (naming === 'value' || value === null || value === undefined) return value ?? null;
  if (Array.isArray(value)) return value.map((one) => renamed(one, naming, to));
  if (!isJsonObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(naming)) {
    const json = field.charAt(0).toLowerCase() + field.slice(1);
    const [from, into] = to === 'internal' ? [json, field] : [field, json];
    const found = Object.hasOwn(value, from) ? renamed(value[from], inner, to) : null;
    if (to === 'internal' || found !== null) out[into] = found;
  }
  return out;
}

const isCpuUtilization = (metric: v2.MetricSpec): boolean =>
  metric.type === 'Resource' &&
  metric.resource?.name === 'cpu' &&
  metric.resource.target?.averageUtilization !== undefined;

export function fromStored(stored: v2.HorizontalPodAutoscaler): v1.HorizontalPodAutoscaler {
  const { metadata, spec, status, ...rest } = stored;
  const annotations = withoutKeys(metadata.annotations);
  const metrics = spec.metrics ?? [];
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  if (others.length > 0) annotations[metricsKey] = JSON.stringify(others.map(specToV1));
  const current = status?.currentMetrics ?? [];
  if (current.length > 0) annotations[currentMetricsKey] = JSON.stringify(current.map(statusToV1));
  if (spec.behavior) annotations[behaviorKey] = JSON.stringify(renamed(spec.behavior, behavior, 'internal'));
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0)
    annotations[conditionsKey] = JSON.stringify(
      conditions.map(({ type, status: state, lastTransitionTime, reason, message }) => ({
        type,
        status: state,
        lastTransitionTime: lastTransitionTime ?? null,
        reason: reason || undefined,
        message: message || undefined,
      })),
    );
  const { annotations: _annotations, ...otherMetadata } = metadata;
  const target = metrics.find(isCpuUtilization)?.resource?.target.averageUtilization;
  const used = current.findLast((metric) => metric.type === 'Resource' && metric.resource?.name === 'cpu')?.resource
    ?.current?.averageUtilization;
  return {
    ...rest,
    metadata: { ...otherMetadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: {
      scaleTargetRef: spec.scaleTargetRef,
      ...(spec.minReplicas === undefined ? {} : { minReplicas: spec.minReplicas }),
      maxReplicas: spec.maxReplicas,
      ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }),
    },
    status: {
      ...(status?.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
      ...(status?.lastScaleTime === undefined ? {} : { lastScaleTime: status.lastScaleTime }),
      currentReplicas: status?.currentReplicas ?? 0,
      desiredReplicas: status?.desiredReplicas ?? 0,
      ...(used === undefined ? {} : { currentCPUUtilizationPercentage: used }),
    },
  };
}

const cpu = (averageUtilization: number): v2.MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

export function toStored(object: v1.HorizontalPodAutoscaler): v2.HorizontalPodAutoscaler {
  const { metadata, spec, status, ...rest } = object;
  const { annotations: given, ...otherMetadata } = metadata;
  const annotations = withoutKeys(given);
  const { targetCPUUtilizationPercentage: target, ...scaling } = spec ?? ({} as v1.HorizontalPodAutoscalerSpec);
  const { currentCPUUtilizationPercentage: used, ...counts } = status ?? ({} as v1.HorizontalPodAutoscalerStatus);
  const metrics = [
    ...(objects(parsed(given, metricsKey)) ?? []).map(specFromV1),
    ...(target === undefined ? [] : [cpu(target)]),
  ];
  const current =
    objects(parsed(given, currentMetricsKey))?.map(statusFromV1) ??
    (used === undefined
      ? undefined
      : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: used } } }]);
  const conditions = objects(parsed(given, conditionsKey));
  const scalingBehavior = parsed(given, behaviorKey);
  const empty = !isJsonObject(scalingBehavior) || (!scalingBehavior.ScaleUp && !scalingBehavior.ScaleDown);
  return {
    ...rest,
    metadata: { ...otherMetadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: {
      ...scaling,
      metrics: metrics.length > 0 ? metrics : defaultMetrics(),
      ...(empty ? {} : { behavior: renamed(scalingBehavior, behavior, 'json') as v2.HorizontalPodAutoscalerBehavior }),
    },
    status: {
      ...counts,
      ...(current === undefined ? {} : { currentMetrics: current }),
      ...(conditions === undefined
        ? {}
        : { conditions: conditions as unknown as v2.HorizontalPodAutoscalerCondition[] }),
    },
  };
}
