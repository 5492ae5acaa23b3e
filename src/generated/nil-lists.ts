// Written by `npm run gen`; do not edit.
// Lists that are null when they are empty, by apiVersion and kind; `*` is every element, and an empty name the list itself
// where its elements have some too.
import type { NilTree } from '../machinery/schema/nil-lists.ts';

// biome-ignore format: a kind a line
export const nilLists: Readonly<Record<string, NilTree>> = {
  'apidiscovery.k8s.io/v2/APIGroupDiscovery': { versions: { '*': { resources: { '*': { subresources: { '*': { verbs: true } }, verbs: true } } } } },
  'apps/v1/DaemonSet': { spec: { template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } },
  'apps/v1/Deployment': { spec: { template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } },
  'apps/v1/ReplicaSet': { spec: { template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } },
  'apps/v1/StatefulSet': { spec: { template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } },
  'authentication.k8s.io/v1/TokenRequest': { spec: { audiences: true } },
  'authorization.k8s.io/v1/SelfSubjectRulesReview': { status: { nonResourceRules: { '': true, '*': { verbs: true } }, resourceRules: { '': true, '*': { verbs: true } } } },
  'autoscaling/v2/HorizontalPodAutoscaler': { status: { currentMetrics: true } },
  'batch/v1/CronJob': { spec: { jobTemplate: { spec: { podFailurePolicy: { rules: { '': true, '*': { onExitCodes: { values: true } } } }, successPolicy: { rules: true }, template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } } } },
  'batch/v1/Job': { spec: { podFailurePolicy: { rules: { '': true, '*': { onExitCodes: { values: true } } } }, successPolicy: { rules: true }, template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } },
  'v1/LimitRange': { spec: { limits: true } },
  'v1/Node': { status: { images: { '*': { names: true } } } },
  'v1/PersistentVolume': { spec: { cephfs: { monitors: true }, nodeAffinity: { required: { nodeSelectorTerms: true } }, rbd: { monitors: true } } },
  'v1/Pod': { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } }, status: { extendedResourceClaimStatus: { requestMappings: true } } },
  'v1/PodTemplate': { template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } },
  'v1/ReplicationController': { spec: { template: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: true } } }, containers: true, volumes: { '*': { cephfs: { monitors: true }, projected: { sources: true }, rbd: { monitors: true } } } } } } },
  'discovery.k8s.io/v1/EndpointSlice': { endpoints: { '': true, '*': { addresses: true } }, ports: true },
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': { spec: { rules: { '*': { nonResourceRules: { '*': { nonResourceURLs: true, verbs: true } }, resourceRules: { '*': { apiGroups: true, namespaces: true, resources: true, verbs: true } }, subjects: true } } } },
  'networking.k8s.io/v1/Ingress': { spec: { rules: { '*': { http: { paths: true } } } } },
  'rbac.authorization.k8s.io/v1/ClusterRole': { rules: { '': true, '*': { verbs: true } } },
  'rbac.authorization.k8s.io/v1/Role': { rules: { '': true, '*': { verbs: true } } },
  'resource.k8s.io/v1/ResourceClaim': { spec: { devices: { requests: true } }, status: { allocation: { nodeSelector: { nodeSelectorTerms: true } }, devices: { '*': { conditions: true } } } },
  'resource.k8s.io/v1/ResourceClaimTemplate': { spec: { spec: { devices: { requests: true } } } },
  'resource.k8s.io/v1/ResourceSlice': { spec: { devices: { '*': { nodeSelector: { nodeSelectorTerms: true } } }, nodeSelector: { nodeSelectorTerms: true } } },
  'storage.k8s.io/v1/CSINode': { spec: { drivers: { '': true, '*': { topologyKeys: true } } } },
  'storage.k8s.io/v1/StorageClass': { allowedTopologies: { '*': { matchLabelExpressions: { '*': { values: true } } } } },
  'storage.k8s.io/v1/VolumeAttachment': { spec: { source: { inlineVolumeSpec: { cephfs: { monitors: true }, nodeAffinity: { required: { nodeSelectorTerms: true } }, rbd: { monitors: true } } } } },
  'metrics.k8s.io/v1beta1/PodMetrics': { containers: true },
};
