// The flow schemas that every cluster holds, as a table: name, priority level, precedence, distinguisher, rules.

import type {
  FlowSchema,
  FlowSchemaSpec,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../../generated/schemas/flowcontrol-v1.ts';
import type { New } from '../../../machinery/meta.ts';
import { builtIn } from '../autoupdate.ts';

const group = (name: string): Subject => ({ kind: 'Group', group: { name } });
const user = (name: string): Subject => ({ kind: 'User', user: { name } });
const kubeSystem: Subject = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } };
const everybody = [group('system:unauthenticated'), group('system:authenticated')];

const all: ResourcePolicyRule = {
  verbs: ['*'],
  apiGroups: ['*'],
  resources: ['*'],
  clusterScope: true,
  namespaces: ['*'],
};
const within = (apiGroup: string, resources: string[], verbs = ['get', 'create', 'update']): ResourcePolicyRule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
  namespaces: ['*'],
});
const leases = (verbs?: string[]) => within('coordination.k8s.io', ['leases'], verbs);

const everything = (...subjects: Subject[]): PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [all],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
});

type Row = [string, string, number, 'ByUser' | 'ByNamespace' | '', PolicyRulesWithSubjects];

function flowSchema([name, level, matchingPrecedence, distinguisher, rules]: Row): New<FlowSchema> & {
  spec: FlowSchemaSpec;
} {
  return {
    metadata: builtIn(name),
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(distinguisher === '' ? {} : { distinguisherMethod: { type: distinguisher } }),
      rules: [rules],
    },
  };
}

const mandatory = [
  flowSchema(['exempt', 'exempt', 1, '', everything(group('system:masters'))]),
  flowSchema(['catch-all', 'catch-all', 10_000, 'ByUser', everything(...everybody)]),
];

/** Those whose spec cannot be changed, by name. They hold even while there is no such object. */
export const mandatoryFlowSchemas = new Map(mandatory.map((one) => [one.metadata.name as string, one]));

const suggested: Row[] = [
  [
    'probes',
    'exempt',
    2,
    '',
    { subjects: everybody, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] },
  ],
  [
    'system-leader-election',
    'leader-election',
    100,
    'ByUser',
    {
      subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), kubeSystem],
      resourceRules: [leases()],
    },
  ],
  [
    'system-node-high',
    'node-high',
    400,
    'ByUser',
    {
      subjects: [group('system:nodes')],
      resourceRules: [{ ...within('', ['nodes', 'nodes/status'], ['*']), clusterScope: true }, leases(['*'])],
    },
  ],
  ['system-nodes', 'system', 500, 'ByUser', everything(group('system:nodes'))],
  ['kube-controller-manager', 'workload-high', 800, 'ByNamespace', everything(user('system:kube-controller-manager'))],
  ['kube-scheduler', 'workload-high', 800, 'ByNamespace', everything(user('system:kube-scheduler'))],
  ['kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', everything(kubeSystem)],
  ['service-accounts', 'workload-low', 9_000, 'ByUser', everything(group('system:serviceaccounts'))],
  ['global-default', 'global-default', 9_900, 'ByUser', everything(...everybody)],
];

/** Made once and then left to the operator. */
const workloadLeaderElection: New<FlowSchema> = {
  ...flowSchema([
    'workload-leader-election',
    'leader-election',
    200,
    'ByUser',
    { subjects: [kubeSystem], resourceRules: [within('', ['endpoints', 'configmaps']), leases()] },
  ]),
  metadata: { name: 'workload-leader-election' },
};

export const bootstrapFlowSchemas: readonly New<FlowSchema>[] = [
  ...mandatory,
  ...suggested.map(flowSchema),
  workloadLeaderElection,
];
