// Whatever an object lacks, hooks and columns answer and do not throw: any part is removed or made odd, with the types
// that decoding guarantees.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../machinery/errors.ts';
import type { KubeObject } from '../machinery/meta.ts';
import type { AnyResource } from '../machinery/resource.ts';
import controllerRevisions from './apps/controllerrevisions/definition.ts';
import daemonSets from './apps/daemonsets/definition.ts';
import deployments from './apps/deployments/definition.ts';
import replicaSets from './apps/replicasets/definition.ts';
import statefulSets from './apps/statefulsets/definition.ts';
import autoscalers from './autoscaling/horizontalpodautoscalers/definition.ts';
import cronJobs from './batch/cronjobs/definition.ts';
import jobs from './batch/jobs/definition.ts';
import leases from './coordination/leases/definition.ts';
import configMaps from './core/configmaps/definition.ts';
import endpoints from './core/endpoints/definition.ts';
import events from './core/events/definition.ts';
import namespaces from './core/namespaces/definition.ts';
import nodes from './core/nodes/definition.ts';
import pods from './core/pods/definition.ts';
import podTemplates from './core/podtemplates/definition.ts';
import replicationControllers from './core/replicationcontrollers/definition.ts';
import secrets from './core/secrets/definition.ts';
import serviceAccounts from './core/serviceaccounts/definition.ts';
import services from './core/services/definition.ts';
import endpointSlices from './discovery/endpointslices/definition.ts';
import flowSchemas from './flowcontrol/flowschemas/definition.ts';
import priorityLevelConfigurations from './flowcontrol/prioritylevelconfigurations/definition.ts';
import budgets from './policy/poddisruptionbudgets/definition.ts';
import { infrastructureKinds } from './testdata/infrastructure.ts';
import { policyKinds } from './testdata/policy.ts';
import { contextOf, objectOf } from './testing.ts';

const term = {
  topologyKey: 'zone',
  labelSelector: { matchLabels: { a: 'b' } },
  namespaces: ['x'],
  matchLabelKeys: ['k'],
};
const container = {
  name: 'web',
  image: 'a:1',
  ports: [{ name: 'http', containerPort: 80, hostPort: 80 }],
  env: [
    { name: 'A', value: 'b' },
    { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1' } } },
    { name: 'D', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
    { name: 'E', valueFrom: { fileKeyRef: { path: 'p', key: 'k', volumeName: 'e' } } },
  ],
  envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }],
  resources: {
    limits: { cpu: '1', 'hugepages-2Mi': '4Mi', 'example.com/gpu': '1' },
    requests: { cpu: '1' },
    claims: [{ name: 'c', request: 'r' }],
  },
  volumeMounts: [{ name: 'e', mountPath: '/e', subPath: 'x', mountPropagation: 'None', recursiveReadOnly: 'Disabled' }],
  volumeDevices: [{ name: 'pvc', devicePath: '/dev/x' }],
  livenessProbe: { httpGet: { port: 'http', httpHeaders: [{ name: 'a', value: 'b' }] } },
  readinessProbe: { exec: { command: ['x'] } },
  startupProbe: { grpc: { port: 1 } },
  lifecycle: { preStop: { sleep: { seconds: 1 } }, postStart: { tcpSocket: { port: 1 } } },
  securityContext: {
    runAsUser: 1,
    seccompProfile: { type: 'Localhost', localhostProfile: 'x' },
    appArmorProfile: { type: 'Localhost', localhostProfile: 'x' },
    capabilities: { add: ['X'] },
    allowPrivilegeEscalation: false,
  },
  resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
  restartPolicy: 'Always',
  restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }],
};
const requirement = { key: 'k', operator: 'In', values: ['v'] };
const podSpec = {
  containers: [container],
  initContainers: [{ ...container, name: 'init' }],
  nodeName: 'n',
  hostNetwork: true,
  hostname: 'h',
  subdomain: 's',
  serviceAccountName: 'a',
  activeDeadlineSeconds: 5,
  schedulingGates: [{ name: 'g' }],
  readinessGates: [{ conditionType: 'x' }],
  tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 }],
  hostAliases: [{ ip: '1.2.3.4', hostnames: ['h'] }],
  imagePullSecrets: [{ name: 'p' }],
  dnsPolicy: 'None',
  dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'o' }] },
  resourceClaims: [{ name: 'c', resourceClaimName: 'r' }],
  resources: { limits: { cpu: '2' }, requests: { cpu: '2' } },
  overhead: { cpu: '1m' },
  securityContext: { sysctls: [{ name: 'net.x', value: '1' }], supplementalGroups: [1], fsGroupChangePolicy: 'Always' },
  os: { name: 'linux' },
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: [requirement], matchFields: [{ ...requirement, key: 'metadata.name' }] },
        ],
      },
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [requirement] } }],
    },
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
  },
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'z',
      whenUnsatisfiable: 'DoNotSchedule',
      minDomains: 1,
      matchLabelKeys: ['k'],
      labelSelector: { matchExpressions: [requirement] },
    },
  ],
  volumes: [
    { name: 'e', emptyDir: { sizeLimit: '1Gi' } },
    { name: 'pvc', persistentVolumeClaim: { claimName: 'c' } },
    { name: 'h', hostPath: { path: '/x', type: 'File' } },
    { name: 's', secret: { secretName: 's', items: [{ key: 'k', path: 'p', mode: 1 }] } },
    { name: 'c', configMap: { name: 'c', items: [{ key: 'k', path: 'p' }] } },
    {
      name: 'd',
      downwardAPI: {
        items: [
          { path: 'p', fieldRef: { fieldPath: "metadata.labels['a']" } },
          { path: 'q', resourceFieldRef: { containerName: 'web', resource: 'limits.cpu' } },
        ],
      },
    },
    {
      name: 'p',
      projected: {
        sources: [
          { secret: { name: 's', items: [{ key: 'k', path: 'p' }] } },
          { serviceAccountToken: { path: 't' } },
          { downwardAPI: { items: [{ path: 'x' }] } },
          { clusterTrustBundle: { path: 'x', name: 'n' } },
        ],
      },
    },
    { name: 'i', image: { reference: 'a' } },
    { name: 'n', nfs: { server: 's', path: '/' } },
    { name: 'x', csi: { driver: 'd' } },
    { name: 'f', fc: { wwids: ['w'] } },
    {
      name: 'ep',
      ephemeral: {
        volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      },
    },
  ],
};
const statuses = [
  {
    name: 'web',
    ready: true,
    restartCount: 1,
    state: { terminated: { exitCode: 1 } },
    lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-02T03:00:00Z' } },
  },
];
const labelled = { labels: { a: 'b' }, annotations: { 'controller.kubernetes.io/pod-deletion-cost': '1' } };
const template = { metadata: { labels: { a: 'b' } }, spec: podSpec };
const workload = {
  spec: {
    replicas: 1,
    selector: { matchLabels: { a: 'b' }, matchExpressions: [requirement] },
    template,
    strategy: { rollingUpdate: { maxSurge: '10%', maxUnavailable: 1 } },
  },
  status: { replicas: 1, collisionCount: 1 },
};

const job = {
  completionMode: 'Indexed',
  completions: 3,
  parallelism: 3,
  backoffLimitPerIndex: 1,
  maxFailedIndexes: 1,
  managedBy: 'acme.io/x',
  suspend: true,
  podFailurePolicy: {
    rules: [
      { action: 'FailIndex', onExitCodes: { containerName: 'web', operator: 'In', values: [1] } },
      { action: 'Ignore', onPodConditions: [{ type: 'x', status: 'True' }] },
    ],
  },
  successPolicy: { rules: [{ succeededIndexes: '0-1', succeededCount: 1 }] },
  selector: { matchLabels: { a: 'b' } },
  template,
};

const target = { type: 'Value', value: '1', averageValue: '1', averageUtilization: 1 };
const metric = { name: 'm', selector: { matchLabels: { a: 'b' } } };
const object = { kind: 'Service', name: 's', apiVersion: 'v1' };
const current = { value: '1', averageValue: '1', averageUtilization: 1 };
const rules = { policies: [{ type: 'Pods', value: 1, periodSeconds: 1 }], selectPolicy: 'Max', tolerance: '1' };

const rich: [AnyResource, object][] = [
  ...policyKinds,
  ...infrastructureKinds,
  [
    budgets,
    {
      spec: { minAvailable: '10%', selector: { matchLabels: { a: 'b' } }, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
      status: { conditions: [{ type: 'x', status: 'True', reason: 'r', message: 'm' }], disruptionsAllowed: 1 },
    },
  ],
  [
    autoscalers,
    {
      spec: {
        scaleTargetRef: object,
        minReplicas: 1,
        maxReplicas: 2,
        metrics: [
          { type: 'Object', object: { describedObject: object, metric, target } },
          { type: 'External', external: { metric, target } },
          { type: 'Pods', pods: { metric, target } },
          { type: 'Resource', resource: { name: 'cpu', target } },
          { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', target } },
        ],
        behavior: { scaleUp: rules, scaleDown: rules },
      },
      status: {
        currentMetrics: [{ type: 'Object', object: { describedObject: object, metric, current } }],
        conditions: [{ type: 'x', status: 'True' }],
      },
    },
  ],
  [
    jobs,
    {
      spec: job,
      status: {
        conditions: [{ type: 'Complete', status: 'True' }],
        startTime: '2026-01-02T03:00:00Z',
        completionTime: '2026-01-02T03:00:01Z',
        completedIndexes: '0-1',
        failedIndexes: '2',
        uncountedTerminatedPods: { succeeded: ['u'], failed: ['v'] },
      },
    },
  ],
  [
    cronJobs,
    { spec: { schedule: '@daily', timeZone: 'UTC', jobTemplate: { spec: job } }, status: { active: [{ name: 'x' }] } },
  ],
  [
    pods,
    {
      metadata: labelled,
      spec: podSpec,
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: statuses,
        initContainerStatuses: [{ ...statuses[0], name: 'init' }],
        podIPs: [{ ip: '1.2.3.4' }],
        hostIPs: [{ ip: '1.2.3.4' }],
      },
    },
  ],
  [deployments, workload],
  [replicaSets, workload],
  [daemonSets, { ...workload, spec: { ...workload.spec, updateStrategy: workload.spec.strategy } }],
  [
    statefulSets,
    {
      ...workload,
      spec: {
        ...workload.spec,
        serviceName: 's',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1, maxUnavailable: '10%' } },
        ordinals: { start: 1 },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            status: {},
          },
        ],
      },
    },
  ],
  [replicationControllers, { ...workload, spec: { ...workload.spec, selector: { a: 'b' } } }],
  [podTemplates, { template }],
  [
    controllerRevisions,
    {
      metadata: {
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true }],
      },
      data: { spec: { template } },
      revision: 1,
    },
  ],
  [
    services,
    {
      spec: {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.9',
        clusterIPs: ['10.96.0.9'],
        ports: [{ name: 'a', port: 80, nodePort: 30000, targetPort: 'http', appProtocol: 'x' }],
        selector: { a: 'b' },
        externalIPs: ['1.2.3.4'],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
        ipFamilies: ['IPv4'],
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 30001,
        loadBalancerSourceRanges: ['1.2.3.0/24'],
      },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4', hostname: 'h' }] } },
    },
  ],
  [
    nodes,
    {
      metadata: labelled,
      spec: {
        podCIDR: '10.0.0.0/24',
        podCIDRs: ['10.0.0.0/24'],
        taints: [{ key: 'a', effect: 'NoSchedule', value: 'v' }],
      },
      status: {
        capacity: { cpu: '1', pods: '110' },
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '1.2.3.4' }],
        nodeInfo: { osImage: 'x' },
      },
    },
  ],
  [
    flowSchemas,
    {
      spec: {
        priorityLevelConfiguration: { name: 'a' },
        matchingPrecedence: 5,
        distinguisherMethod: { type: 'ByUser' },
        rules: [
          {
            subjects: [
              { kind: 'User', user: { name: 'u' } },
              { kind: 'Group', group: { name: 'g' } },
              { kind: 'ServiceAccount', serviceAccount: { namespace: 'n', name: '*' } },
            ],
            resourceRules: [
              { verbs: ['get'], apiGroups: [''], resources: ['pods'], clusterScope: true, namespaces: ['a', '*'] },
            ],
            nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['/a/*'] }],
          },
        ],
      },
      status: { conditions: [{ type: 'Dangling', status: 'True' }] },
    },
  ],
  [
    priorityLevelConfigurations,
    {
      metadata: { name: 'exempt', annotations: { a: 'b' } },
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 1,
          lendablePercent: 1,
          borrowingLimitPercent: 1,
          limitResponse: { type: 'Queue', queuing: { queues: 4, handSize: 2, queueLengthLimit: 5 } },
        },
        exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 },
      },
      status: { conditions: [{ type: 'x', status: 'True' }] },
    },
  ],
  [namespaces, { spec: { finalizers: ['kubernetes', 'a/b'] }, status: { phase: 'Active' } }],
  [configMaps, { data: { a: 'b' }, binaryData: { c: 'eA==' }, immutable: true }],
  [
    secrets,
    {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': 'e30=' },
      stringData: { a: 'b' },
      immutable: true,
    },
  ],
  [serviceAccounts, { secrets: [{ name: 'a' }], imagePullSecrets: [{ name: 'b' }] }],
  [
    endpoints,
    {
      subsets: [
        {
          addresses: [{ ip: '10.0.0.1', hostname: 'h', nodeName: 'n' }],
          notReadyAddresses: [{ ip: '10.0.0.2' }],
          ports: [{ name: 'a', port: 1 }],
        },
      ],
    },
  ],
  [
    endpointSlices,
    {
      metadata: { labels: { 'kubernetes.io/service-name': 's' } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          hostname: 'h',
          nodeName: 'n',
          hints: { forZones: [{ name: 'z' }] },
          deprecatedTopology: { a: 'b' },
        },
      ],
      ports: [{ name: 'a', port: 1 }],
    },
  ],
  [
    leases,
    {
      spec: {
        holderIdentity: 'h',
        leaseDurationSeconds: 1,
        leaseTransitions: 1,
        strategy: 'a/b',
        preferredHolder: 'p',
      },
    },
  ],
  [
    events,
    {
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      eventTime: '2026-01-02T03:00:00.000000Z',
      reportingComponent: 'c',
      reportingInstance: 'i',
      action: 'a',
      reason: 'r',
      message: 'm',
      series: { count: 2 },
      source: { component: 'c' },
    },
  ],
];

/** Fields whose text decoding has checked: quantities and times. */
const checked =
  /\.((target|current)\.value|cpu|memory|storage|sizeLimit|divisor|pods|hugepages-2Mi|example\.com\/gpu|eventTime|finishedAt|startTime|completionTime|averageValue|tolerance)$|\.(capacity|counters)\./;

type Place = { holder: Record<string, unknown> | unknown[]; key: string; path: string };
function places(value: unknown, path: string, out: Place[]): Place[] {
  if (typeof value !== 'object' || value === null) return out;
  for (const key of Object.keys(value)) {
    const at = `${path}.${key}`;
    if (path === '' && (key === 'kind' || key === 'apiVersion')) continue;
    if (path !== '.metadata' || key === 'labels' || key === 'annotations')
      if (at !== '.metadata') out.push({ holder: value as Record<string, unknown>, key, path: at });
    places((value as Record<string, unknown>)[key], at, out);
  }
  return out;
}

const odd: Record<string, unknown[]> = {
  string: ['', '-', 'A b', '..', '/x/../y', 'x'.repeat(300), '1.2.3.4', '__proto__', 'é'],
  number: [0, -1, 65536, 4294967296],
  boolean: [true, false],
};

function spoil(object: object, choices: readonly [where: number, how: number][]): void {
  for (const [where, how] of choices) {
    const all = places(object, '', []);
    const place = all[where % all.length];
    if (!place) return;
    const { holder, key } = place;
    const value = (holder as Record<string, unknown>)[key];
    const values = checked.test(place.path) ? undefined : odd[typeof value];
    if (values && how % 3 !== 0) (holder as Record<string, unknown>)[key] = values[how % values.length];
    else if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (Array.isArray(value) && how % 2 === 0) value.push(...structuredClone(value));
    else delete holder[key];
  }
}

/** A refusal is an answer too. */
function answered(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

function exercise(definition: AnyResource, parts: object, oldParts: object): void {
  const { strategy } = definition;
  const object: KubeObject = objectOf(definition, parts);
  const old: KubeObject = objectOf(definition, oldParts);
  // Stored objects have been defaulted and yet may predate a default: columns and indexes take them as they come.
  for (const column of definition.columns) column.cell(object);
  for (const read of Object.values(definition.selectableFields ?? {})) expect(typeof read(object)).toBe('string');
  for (const tag of definition.indexes?.(object) ?? []) expect(typeof tag).toBe('string');
  strategy.finalizers?.(object);
  strategy.gracePeriodSeconds?.(object, undefined);
  const context = contextOf();
  for (const one of [object, old]) strategy.defaults?.(one);
  const created = structuredClone(object);
  answered(() => {
    strategy.prepareForCreate?.(created, context);
    strategy.validate?.(created, context);
    strategy.warnings?.(created, undefined);
  });
  for (const subresource of definition.subresources ?? []) {
    const { behaviour } = subresource;
    const updated = structuredClone(object);
    answered(() => {
      if (behaviour.type === 'part') {
        behaviour.prepareForUpdate(updated, old, context);
        behaviour.validateUpdate?.(updated, old, context);
      } else if (behaviour.type === 'projection') {
        behaviour.read(updated);
        behaviour.write(updated, {}, context);
      } else if (behaviour.type === 'action') behaviour.apply(updated, {}, context);
    });
  }
  answered(() => {
    strategy.prepareForUpdate?.(object, old, contextOf({ operation: 'update' }));
    strategy.validate?.(object, contextOf({ operation: 'update' }));
    strategy.validateUpdate?.(object, old, contextOf({ operation: 'update' }));
    strategy.warnings?.(object, old);
  });
}

describe('hooks answer whatever is missing', () => {
  test.each(rich.map(([definition, parts]) => [definition.plural, definition, parts] as const))(
    '%s',
    (_plural, definition, parts) => {
      const choice = fc.array(fc.tuple(fc.nat(2000), fc.nat(50)), { maxLength: 6 }) as fc.Arbitrary<[number, number][]>;
      fc.assert(
        fc.property(choice, choice, (now, before) => {
          const object = structuredClone(parts);
          const old = structuredClone(parts);
          spoil(object, now);
          spoil(old, before);
          exercise(definition, object, old);
        }),
        { numRuns: definition === pods ? 600 : 250, seed: 20260102 },
      );
      exercise(definition, {}, {});
    },
  );
});
