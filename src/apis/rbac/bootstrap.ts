// The roles and bindings that every cluster holds, and how those that are there are brought up to date: what is missing is
// added, what was added by hand stays, and whatever says autoupdate: "false" is left alone.
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../../generated/schemas/rbac-v1.ts';
import type { KubeObject, New, ObjectMeta } from '../../machinery/meta.ts';
import { uncovered } from '../../machinery/policy-rules.ts';
import type { Bootstrap } from '../../machinery/resource.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { controllerRoles } from './controller-roles.ts';
import { parseRules } from './rules.ts';
import { aggregatesTo, aggregatingRoles, clusterRoles, namespacedRoles } from './system-roles.ts';

const group = 'rbac.authorization.k8s.io';
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';
const controllerPrefix = 'system:controller:';

const aggregationLabel = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`;

function metadata(name: string, more: Partial<ObjectMeta> = {}): Partial<ObjectMeta> {
  return {
    name,
    ...more,
    annotations: { [autoupdate]: 'true' },
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...more.labels },
  };
}

function labelsOf(name: string): Record<string, string> {
  const targets = (Object.hasOwn(aggregatesTo, name) && aggregatesTo[name]) || [];
  return Object.fromEntries(targets.map((target) => [aggregationLabel(target), 'true']));
}

/** The rules of all that aggregates to `role`, by name, each once. */
function aggregatedRules(role: string): PolicyRule[] {
  const sources = Object.keys(aggregatesTo)
    .filter((name) => aggregatesTo[name]?.some((target) => target === role))
    .sort();
  const rules = sources.flatMap(rulesOf).map((rule): [string, PolicyRule] => [JSON.stringify(rule), rule]);
  return [...new Map(rules).values()];
}

const rulesOf = (name: string): PolicyRule[] =>
  Object.hasOwn(clusterRoles, name) ? parseRules(clusterRoles[name] as string) : aggregatedRules(name);

const subject = {
  user: (name: string): Subject => ({ kind: 'User', apiGroup: group, name }),
  group: (name: string): Subject => ({ kind: 'Group', apiGroup: group, name }),
  account: (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' }),
};

/** Who holds which cluster role, beside the controllers. Nodes get theirs from the node authorizer. */
const clusterSubjects: Readonly<Record<string, readonly Subject[]>> = {
  'cluster-admin': [subject.group('system:masters')],
  'system:monitoring': [subject.group('system:monitoring')],
  'system:discovery': [subject.group('system:authenticated')],
  'system:basic-user': [subject.group('system:authenticated')],
  'system:public-info-viewer': [subject.group('system:authenticated'), subject.group('system:unauthenticated')],
  'system:node-proxier': [subject.user('system:kube-proxy')],
  'system:kube-controller-manager': [subject.user('system:kube-controller-manager')],
  'system:kube-dns': [subject.account('kube-dns')],
  'system:kube-scheduler': [subject.user('system:kube-scheduler')],
  'system:volume-scheduler': [subject.user('system:kube-scheduler')],
  'system:service-account-issuer-discovery': [subject.group('system:serviceaccounts')],
  'system:node': [],
};

const leader = (name: string, ...more: Subject[]): Subject[] => [
  subject.user(`system:${name}`),
  subject.account(name),
  ...more,
];

/** Namespace/name of a binding: its role, where that has another name, and its subjects. */
const bindings: Readonly<Record<string, { role?: string; subjects: readonly Subject[] }>> = {
  'kube-public/system:controller:bootstrap-signer': { subjects: [subject.account('bootstrap-signer')] },
  'kube-system/system::extension-apiserver-authentication-reader': {
    role: 'extension-apiserver-authentication-reader',
    subjects: [subject.user('system:kube-controller-manager'), subject.user('system:kube-scheduler')],
  },
  'kube-system/system::leader-locking-kube-controller-manager': {
    subjects: leader('kube-controller-manager', subject.account('leader-election-controller')),
  },
  'kube-system/system::leader-locking-kube-scheduler': { subjects: leader('kube-scheduler') },
  'kube-system/system:controller:bootstrap-signer': { subjects: [subject.account('bootstrap-signer')] },
  'kube-system/system:controller:cloud-provider': { subjects: [subject.account('cloud-provider')] },
  'kube-system/system:controller:token-cleaner': { subjects: [subject.account('token-cleaner')] },
};

function place(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

/** Labels and annotations that are missing are added; undefined: this object is not to be touched, or lacks nothing. */
function reconciled<T extends KubeObject>(live: T, wanted: New<T>, addMissing: (object: T) => boolean): T | undefined {
  if (live.metadata.annotations?.[autoupdate] === 'false') return undefined;
  let changed = addMissing(live);
  for (const part of ['labels', 'annotations'] as const) {
    const missing = Object.entries(wanted.metadata[part] ?? {}).filter(
      ([key]) => !Object.hasOwn(live.metadata[part] ?? {}, key),
    );
    if (missing.length === 0) continue;
    live.metadata[part] = { ...live.metadata[part], ...Object.fromEntries(missing) };
    changed = true;
  }
  return changed ? live : undefined;
}

/** Whether the live role selects fewer roles to aggregate than it should, or some where it should select none. */
function reconcileAggregation(live: ClusterRole, wanted: New<ClusterRole>): boolean {
  if (!wanted.aggregationRule) {
    const aggregates = live.aggregationRule !== undefined;
    delete live.aggregationRule;
    return aggregates;
  }
  const selectors = live.aggregationRule?.clusterRoleSelectors ?? [];
  const missing = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter(
    (one) => !selectors.some((other) => deepEqual(other, one)),
  );
  if (missing.length === 0) return false;
  live.aggregationRule = { clusterRoleSelectors: [...selectors, ...missing] };
  return true;
}

function reconcileRole<T extends Role | ClusterRole>(live: T, wanted: New<T>): T | undefined {
  return reconciled(live, wanted, (role) => {
    const changed = reconcileAggregation(role as ClusterRole, wanted as New<ClusterRole>);
    // What an aggregating role allows is not its own to say.
    if ('aggregationRule' in wanted && wanted.aggregationRule) return changed;
    // What is as it was needs no closer look: this runs at every start.
    if (deepEqual(wanted.rules, role.rules)) return changed;
    const missing = uncovered(wanted.rules ?? [], role.rules ?? []);
    role.rules = [...(role.rules ?? []), ...missing];
    return changed || missing.length > 0;
  });
}

type Binding = RoleBinding | ClusterRoleBinding;

function reconcileBinding<T extends Binding>(live: T, wanted: New<T>): T | undefined {
  return reconciled(live, wanted, (binding) => {
    const missing = (wanted.subjects ?? []).filter((one) => !binding.subjects?.some((other) => deepEqual(other, one)));
    if (missing.length > 0) binding.subjects = [...(binding.subjects ?? []), ...missing];
    return missing.length > 0;
  });
}

/** What a binding binds to cannot be changed. */
const bindsAnother = (live: Binding, wanted: New<Binding>): boolean =>
  live.metadata.annotations?.[autoupdate] !== 'false' && !deepEqual(live.roleRef, wanted.roleRef);

export const clusterRoleBootstrap: Bootstrap<ClusterRole> = {
  objects: () => [
    ...Object.keys(clusterRoles).map((name) => ({
      metadata: metadata(name, { labels: labelsOf(name) }),
      rules: rulesOf(name),
    })),
    ...aggregatingRoles.map((name) => ({
      metadata: metadata(name, { labels: labelsOf(name) }),
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregationLabel(name)]: 'true' } }] },
      rules: rulesOf(name),
    })),
    ...Object.entries(controllerRoles).map(([name, rules]) => ({
      metadata: metadata(controllerPrefix + name),
      rules: parseRules(rules),
    })),
  ],
  reconcile: reconcileRole,
};

export const clusterRoleBindingBootstrap: Bootstrap<ClusterRoleBinding> = {
  objects: () => {
    const bind = (name: string, subjects: readonly Subject[]): New<ClusterRoleBinding> => ({
      metadata: metadata(name),
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      ...(subjects.length === 0 ? {} : { subjects: [...subjects] }),
    });
    return [
      ...Object.entries(clusterSubjects).map(([name, subjects]) => bind(name, subjects)),
      ...Object.keys(controllerRoles).map((name) => bind(controllerPrefix + name, [subject.account(name)])),
    ];
  },
  reconcile: reconcileBinding,
  replaces: bindsAnother,
};

export const roleBootstrap: Bootstrap<Role> = {
  objects: () =>
    Object.entries(namespacedRoles).map(([key, rules]) => {
      const { name, namespace } = place(key);
      return { metadata: metadata(name, { namespace }), rules: parseRules(rules) };
    }),
  reconcile: reconcileRole,
};

export const roleBindingBootstrap: Bootstrap<RoleBinding> = {
  objects: () =>
    Object.entries(bindings).map(([key, { role, subjects }]) => {
      const { name, namespace } = place(key);
      return {
        metadata: metadata(name, { namespace }),
        roleRef: { apiGroup: group, kind: 'Role', name: role ?? name },
        subjects: [...subjects],
      };
    }),
  reconcile: reconcileBinding,
  replaces: bindsAnother,
};
