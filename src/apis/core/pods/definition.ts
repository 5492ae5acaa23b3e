// core/v1 Pod. Logs are streamed by the API server, which finds `log` by name.

import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { pods } from '../../../generated/schemas/index.ts';
import { isDns1123Label } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { applyAppArmorAnnotations } from '../podspec/app-armor.ts';
import { defaultPod } from '../podspec/defaults.ts';
import { podWarnings } from '../podspec/warnings.ts';
import { expandLabelKeys } from './affinity.ts';
import { binding } from './binding.ts';
import { podColumns } from './columns.ts';
import { connects } from './connect.ts';
import { ephemeralContainers } from './ephemeral.ts';
import { eviction } from './eviction.ts';
import { podQosClass } from './qos.ts';
import { resize } from './resize.ts';
import { keepObservedGeneration, podStatusWarnings, validatePodStatus } from './status.ts';
import { validatePodUpdate } from './update.ts';
import { validateNewPod, validatePod } from './validation.ts';

export default defineResource<Pod>({
  ...pods,
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  schema: 'io.k8s.api.core.v1.Pod',
  strategy: {
    revalidatesMetadata: true,
    defaults: defaultPod,
    prepareForCreate(pod, context) {
      pod.status = { phase: 'Pending', qosClass: podQosClass(pod.spec) };
      expandLabelKeys(pod);
      applyAppArmorAnnotations(pod, (message) => context.warn?.(message));
      if (pod.spec.schedulingGates?.length)
        pod.status.conditions = [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'SchedulingGated',
            message: 'Scheduling is blocked due to non-empty scheduling gates',
            lastTransitionTime: formatTime(context.clock.now()),
          },
        ];
    },
    prepareForUpdate(pod, old) {
      pod.status = old.status;
    },
    validate(pod, { operation }) {
      const problems = new Problems();
      if (operation === 'create') validateNewPod(problems, pod);
      else validatePod(problems, pod);
      return problems.list;
    },
    validateUpdate: (pod, old) => validatePodUpdate(pod, old).list,
    warnings(pod, old) {
      if (old) return [];
      const label = isDns1123Label(pod.metadata.name);
      const named =
        label.length === 0
          ? []
          : [
              `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${label.join(' ')}]`,
            ];
      return [...named, ...podWarnings(pod)];
    },
    gracePeriodSeconds(pod, requested) {
      let seconds = requested ?? pod.spec?.terminationGracePeriodSeconds ?? 0;
      if (!pod.spec?.nodeName) seconds = 0;
      if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') seconds = 0;
      return seconds < 0 ? 1 : seconds;
    },
    returnDeletedObject: true,
  },
  columns: podColumns,
  selectableFields: {
    'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec?.hostNetwork ?? false),
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIP ?? pod.status?.podIPs?.[0]?.ip ?? '',
    // Upstream accepts it and knows of no value.
    'status.podIPs': () => '',
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
  },
  fieldAliases: { 'spec.host': 'spec.nodeName' },
  indexes: (pod) => [
    ...(pod.spec?.nodeName ? [`node=${pod.spec.nodeName}`] : []),
    ...Object.entries(pod.metadata.labels ?? {}).map(([key, value]) => `label=${key}=${value}`),
  ],
  subresources: [
    statusSubresource<Pod>({
      resetFields: ['metadata.deletionTimestamp', 'metadata.ownerReferences'],
      prepare(pod, old) {
        pod.status ??= {};
        pod.metadata.ownerReferences = old.metadata.ownerReferences;
        if (pod.metadata.ownerReferences === undefined) delete pod.metadata.ownerReferences;
        pod.status.qosClass ||= old.status?.qosClass;
        keepObservedGeneration(pod, old);
      },
      validate: validatePodStatus,
      warnings: podStatusWarnings,
    }),
    binding,
    eviction,
    ephemeralContainers,
    resize,
    ...connects,
  ],
});
