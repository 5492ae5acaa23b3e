// Rich objects of the policy kinds, for robust.test.ts to spoil.
import type { AnyResource } from '../../machinery/resource.ts';
import limitRanges from '../core/limitranges/definition.ts';
import resourceQuotas from '../core/resourcequotas/definition.ts';
import runtimeClasses from '../node/runtimeclasses/definition.ts';
import clusterRoleBindings from '../rbac/clusterrolebindings/definition.ts';
import clusterRoles from '../rbac/clusterroles/definition.ts';
import roleBindings from '../rbac/rolebindings/definition.ts';
import roles from '../rbac/roles/definition.ts';
import deviceClasses from '../resource/deviceclasses/definition.ts';
import resourceClaims from '../resource/resourceclaims/definition.ts';
import resourceClaimTemplates from '../resource/resourceclaimtemplates/definition.ts';
import resourceSlices from '../resource/resourceslices/definition.ts';
import priorityClasses from '../scheduling/priorityclasses/definition.ts';

const rules = [
  { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] },
  { verbs: ['get'], nonResourceURLs: ['/x'] },
];
const subjects = [
  { kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' },
  { kind: 'ServiceAccount', name: 's', namespace: 'n' },
];
const roleRef = { kind: 'ClusterRole', name: 'r', apiGroup: 'rbac.authorization.k8s.io' };
const selectors = [{ cel: { expression: 'true' } }];
const tolerations = [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }];
const opaque = { driver: 'd.example', parameters: { a: 'b' } };
const nodeSelector = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] }] };
const result = { request: 'r', driver: 'd.example', pool: 'p', device: 'a', bindingConditions: ['b'], tolerations };
const claim = {
  devices: {
    requests: [
      { name: 'r', exactly: { deviceClassName: 'c', selectors, tolerations, adminAccess: true, count: 1 } },
      { name: 's', firstAvailable: [{ name: 't', deviceClassName: 'c', selectors, tolerations }] },
    ],
    constraints: [{ requests: ['r', 's/t'], matchAttribute: 'a.b/c' }],
    config: [{ requests: ['r'], opaque }],
  },
};

export const policyKinds: [AnyResource, object][] = [
  [roles, { rules }],
  [clusterRoles, { rules, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }],
  [roleBindings, { roleRef, subjects }],
  [clusterRoleBindings, { roleRef, subjects }],
  [priorityClasses, { value: 5, globalDefault: true, preemptionPolicy: 'Never', description: 'd' }],
  [
    runtimeClasses,
    {
      handler: 'h',
      overhead: { podFixed: { cpu: '1' } },
      scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }] },
    },
  ],
  [
    limitRanges,
    {
      spec: {
        limits: [
          {
            type: 'Container',
            max: { cpu: '2' },
            min: { cpu: '1' },
            default: { cpu: '2' },
            defaultRequest: { cpu: '1' },
            maxLimitRequestRatio: { cpu: '2' },
          },
          { type: 'PersistentVolumeClaim', min: { storage: '1' } },
        ],
      },
    },
  ],
  [
    resourceQuotas,
    {
      spec: {
        hard: { pods: '1', cpu: '1' },
        scopes: ['BestEffort'],
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['a'] }] },
      },
      status: { hard: { pods: '1' }, used: { pods: '1' } },
    },
  ],
  [deviceClasses, { spec: { selectors, config: [{ opaque }], extendedResourceName: 'a.b/c' } }],
  [
    resourceClaims,
    {
      spec: claim,
      status: {
        reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }],
        allocation: {
          devices: { results: [result], config: [{ source: 'FromClaim', requests: ['r'], opaque }] },
          nodeSelector,
        },
        devices: [
          {
            driver: 'd.example',
            pool: 'p',
            device: 'a',
            shareID: 'x',
            conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm' }],
            data: { a: 1 },
            networkData: { ips: ['10.0.0.1/24'], interfaceName: 'e', hardwareAddress: 'h' },
          },
        ],
      },
    },
  ],
  [resourceClaimTemplates, { spec: { metadata: { labels: { a: 'b' } }, spec: claim } }],
  [
    resourceSlices,
    {
      spec: {
        driver: 'd.example',
        pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
        perDeviceNodeSelection: true,
        nodeSelector,
        sharedCounters: [{ name: 'c', counters: { x: { value: '1' } } }],
        devices: [
          {
            name: 'a',
            attributes: { m: { string: 's' }, v: { version: '1.2.3' } },
            allowMultipleAllocations: true,
            capacity: {
              x: { value: '4', requestPolicy: { default: '2', validRange: { min: '1', max: '3', step: '1' } } },
              y: { value: '4', requestPolicy: { default: '2', validValues: ['1', '2'] } },
            },
            taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }],
            consumesCounters: [{ counterSet: 'c', counters: { x: { value: '1' } } }],
            nodeName: 'n',
            nodeSelector,
            allNodes: true,
            bindingConditions: ['a'],
            bindingFailureConditions: ['b'],
          },
        ],
      },
    },
  ],
];
