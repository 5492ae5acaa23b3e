// One metric of a HorizontalPodAutoscaler, its target or its present value, between version 2 and version 1 of the API. Fields
// stand in the order of the Go types of version 1, as these texts are stored and compared. Members are taken as they come:
// whoever reads the outcome decodes it by schema.

import type * as v2 from '../../../generated/schemas/autoscaling-v2.ts';
import { isJsonObject } from '../../../machinery/schema/json.ts';

type Json = Record<string, unknown>;

const part = (value: unknown): Json => (isJsonObject(value) ? value : {});
/** Without the members that Go leaves out as absent. */
const compact = <T extends Json>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined && member !== null)) as T;
const zero = (quantity: unknown): unknown => quantity ?? '0';

interface Converter {
  /** From version 2; undefined when the metric is of another kind. */
  specToV1(source: Json): Json;
  specFromV1(source: Json): Json;
  statusToV1(source: Json): Json;
  statusFromV1(source: Json): Json;
}

const reference = (value: unknown): Json => {
  const { kind, name, apiVersion } = part(value);
  return compact({ kind: kind ?? '', name: name ?? '', apiVersion: apiVersion || undefined });
};

function usage(extra: readonly string[]): Converter {
  const extras = (source: Json): Json => Object.fromEntries(extra.map((field) => [field, source[field]]));
  return {
    specToV1: (source) => ({
      name: source.name,
      targetAverageUtilization: part(source.target).averageUtilization,
      targetAverageValue: part(source.target).averageValue,
      ...extras(source),
    }),
    specFromV1: ({
      name,
      targetAverageUtilization: averageUtilization,
      targetAverageValue: averageValue,
      ...rest
    }) => ({
      name,
      ...extras(rest),
      target: compact({
        type: averageUtilization === undefined ? 'AverageValue' : 'Utilization',
        averageValue,
        averageUtilization,
      }),
    }),
    statusToV1: (source) => ({
      name: source.name,
      currentAverageUtilization: part(source.current).averageUtilization,
      currentAverageValue: zero(part(source.current).averageValue),
      ...extras(source),
    }),
    statusFromV1: ({ name, currentAverageUtilization: averageUtilization, currentAverageValue, ...rest }) => ({
      name,
      ...extras(rest),
      current: compact({ averageValue: zero(currentAverageValue), averageUtilization }),
    }),
  };
}

/** By their field's name, in the order of the Go type. */
const converters: Readonly<Record<string, Converter>> = {
  object: {
    specToV1: ({ describedObject, metric, target }) => ({
      target: reference(describedObject),
      metricName: part(metric).name ?? '',
      targetValue: zero(part(target).value),
      selector: part(metric).selector,
      averageValue: part(target).averageValue,
    }),
    specFromV1: ({ target, metricName, targetValue, selector, averageValue }) => ({
      describedObject: reference(target),
      metric: compact({ name: metricName ?? '', selector }),
      target: compact({
        type: averageValue === undefined ? 'Value' : 'AverageValue',
        value: zero(targetValue),
        averageValue,
      }),
    }),
    statusToV1: ({ describedObject, metric, current }) => ({
      target: reference(describedObject),
      metricName: part(metric).name ?? '',
      currentValue: zero(part(current).value),
      selector: part(metric).selector,
      averageValue: part(current).averageValue,
    }),
    statusFromV1: ({ target, metricName, currentValue, selector, averageValue }) => ({
      describedObject: reference(target),
      metric: compact({ name: metricName ?? '', selector }),
      current: compact({ value: zero(currentValue), averageValue }),
    }),
  },
  pods: {
    specToV1: ({ metric, target }) => ({
      metricName: part(metric).name ?? '',
      targetAverageValue: zero(part(target).averageValue),
      selector: part(metric).selector,
    }),
    specFromV1: ({ metricName, targetAverageValue, selector }) => ({
      metric: compact({ name: metricName ?? '', selector }),
      target: { type: 'AverageValue', averageValue: zero(targetAverageValue) },
    }),
    statusToV1: ({ metric, current }) => ({
      metricName: part(metric).name ?? '',
      currentAverageValue: zero(part(current).averageValue),
      selector: part(metric).selector,
    }),
    statusFromV1: ({ metricName, currentAverageValue, selector }) => ({
      metric: compact({ name: metricName ?? '', selector }),
      current: { averageValue: zero(currentAverageValue) },
    }),
  },
  resource: usage([]),
  containerResource: usage(['container']),
  external: {
    specToV1: ({ metric, target }) => ({
      metricName: part(metric).name ?? '',
      metricSelector: part(metric).selector,
      targetValue: part(target).value,
      targetAverageValue: part(target).averageValue,
    }),
    specFromV1: ({ metricName, metricSelector: selector, targetValue: value, targetAverageValue: averageValue }) => ({
      metric: compact({ name: metricName ?? '', selector }),
      target: compact({ type: value === undefined ? 'AverageValue' : 'Value', value, averageValue }),
    }),
    statusToV1: ({ metric, current }) => ({
      metricName: part(metric).name ?? '',
      metricSelector: part(metric).selector,
      currentValue: zero(part(current).value),
      currentAverageValue: part(current).averageValue,
    }),
    statusFromV1: ({ metricName, metricSelector: selector, currentValue, currentAverageValue: averageValue }) => ({
      metric: compact({ name: metricName ?? '', selector }),
      current: compact({ value: zero(currentValue), averageValue }),
    }),
  },
};

function convert(metric: Json, by: keyof Converter): Json {
  const out: Json = { type: metric.type ?? '' };
  for (const [field, converter] of Object.entries(converters))
    if (isJsonObject(metric[field])) out[field] = compact(converter[by](compact(metric[field])));
  return out;
}

export const specToV1 = (metric: v2.MetricSpec): Json => convert(metric as unknown as Json, 'specToV1');
export const statusToV1 = (metric: v2.MetricStatus): Json => convert(metric as unknown as Json, 'statusToV1');
export const specFromV1 = (metric: Json): v2.MetricSpec => convert(metric, 'specFromV1') as unknown as v2.MetricSpec;
export const statusFromV1 = (metric: Json): v2.MetricStatus =>
  convert(metric, 'statusFromV1') as unknown as v2.MetricStatus;
