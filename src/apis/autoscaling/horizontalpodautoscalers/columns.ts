// The columns of `kubectl get horizontalpodautoscalers`.

import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../../generated/schemas/autoscaling-v2.ts';
import type { Column } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';

const shownMax = 2;
const unknown = '<unknown>';
const percent = (share: number | undefined, otherwise: string): string =>
  share === undefined ? otherwise : `${share}%`;

/** `current/target`; a status that is there without a value counts as 0. */
function values(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
  return `${current ? (current.value ?? '0') : unknown}/${target?.value ?? '0'}`;
}

function usage(name: string, target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined)
    return `${name}: ${current ? (current.averageValue ?? '0') : unknown}/${target.averageValue}`;
  return `${name}: ${percent(current?.averageUtilization, unknown)}/${percent(target?.averageUtilization, '<auto>')}`;
}

function metricText(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return values(spec.external?.target, status?.external?.current);
    case 'Object':
      return values(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${status?.pods ? (status.pods.current?.averageValue ?? '0') : unknown}/${spec.pods?.target?.averageValue ?? '0'}`;
    case 'Resource':
      return usage(spec.resource?.name ?? '', spec.resource?.target, status?.resource?.current);
    case 'ContainerResource':
      return usage(
        spec.containerResource?.name ?? '',
        spec.containerResource?.target,
        status?.containerResource?.current,
      );
    default:
      return '<unknown type>';
  }
}

function targets({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const shown = metrics.slice(0, shownMax).map((metric, i) => metricText(metric, status?.currentMetrics?.[i]));
  const more = metrics.length - shown.length;
  return more > 0 ? `${shown.join(', ')} + ${more} more...` : shown.join(', ');
}

export const autoscalerColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  nameColumn,
  {
    name: 'Reference',
    type: 'string',
    doc: 'autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef',
    cell: ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`,
  },
  { name: 'Targets', type: 'string', doc: 'autoscaling.v2.HorizontalPodAutoscalerSpec.metrics', cell: targets },
  {
    name: 'MinPods',
    type: 'string',
    doc: 'autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas',
    cell: ({ spec }) => String(spec?.minReplicas ?? '<unset>'),
  },
  {
    name: 'MaxPods',
    type: 'string',
    doc: 'autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas',
    cell: ({ spec }) => spec?.maxReplicas ?? 0,
  },
  {
    name: 'Replicas',
    type: 'string',
    doc: 'autoscaling.v2.HorizontalPodAutoscalerStatus.currentReplicas',
    cell: ({ status }) => status?.currentReplicas ?? 0,
  },
  ageColumn,
];
