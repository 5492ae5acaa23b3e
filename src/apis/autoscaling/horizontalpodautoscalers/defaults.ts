// Defaults of a HorizontalPodAutoscaler (autoscaling/v2: SetDefaults_HorizontalPodAutoscaler).

import type {
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
} from '../../../generated/schemas/autoscaling-v2.ts';

/** Without any metric: 80 % of the CPU that pods ask for. */
export const defaultMetrics = (): MetricSpec[] => [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
];

/** Upstream's encoder prints the list even where there is none. */
export const emptyStatus = (): HorizontalPodAutoscaler['status'] => ({
  desiredReplicas: 0,
  currentMetrics: null as unknown as [],
});

const periodSeconds = 15;
const scaleUp = (): HPAScalingRules => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds },
    { type: 'Percent', value: 100, periodSeconds },
  ],
});
/** How long it waits before it scales down is the controller's to say. */
const scaleDown = (): HPAScalingRules => ({
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds }],
});

const given = (rules: HPAScalingRules | undefined): HPAScalingRules =>
  Object.fromEntries(Object.entries(rules ?? {}).filter(([, value]) => value !== undefined && value !== null));

export function defaultAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  autoscaler.spec ??= {} as HorizontalPodAutoscaler['spec'];
  autoscaler.status = { ...emptyStatus(), ...autoscaler.status };
  const { spec } = autoscaler;
  spec.minReplicas ??= 1;
  spec.maxReplicas ??= 0;
  spec.scaleTargetRef ??= { kind: '', name: '' };
  if (!spec.metrics?.length) spec.metrics = defaultMetrics();
  if (!spec.behavior) return;
  spec.behavior = {
    scaleUp: { ...scaleUp(), ...given(spec.behavior.scaleUp) },
    scaleDown: { ...scaleDown(), ...given(spec.behavior.scaleDown) },
  };
}
