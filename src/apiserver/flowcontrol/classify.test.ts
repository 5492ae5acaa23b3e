import { describe, expect, test } from 'vitest';
import { resources } from '../../generated/resources.ts';
import type { FlowSchemaSpec, PolicyRulesWithSubjects } from '../../generated/schemas/flowcontrol-v1.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import { requestInfo } from '../routing.ts';
import { Classifier, type Schema } from './classify.ts';

const definition = resources.find(({ plural }) => plural === 'flowschemas');
const bootstrap: Schema[] = (definition?.bootstrap?.objects(defaultClusterConfig) ?? []).map((one) => ({
  name: one.metadata.name as string,
  spec: (one as unknown as { spec: FlowSchemaSpec }).spec,
}));

const authenticated = 'system:authenticated';
const users = {
  admin: { name: 'kubernetes-admin', groups: ['system:masters', authenticated] },
  node: { name: 'system:node:n1', groups: ['system:nodes', authenticated] },
  controller: {
    name: 'system:serviceaccount:kube-system:deployment-controller',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', authenticated],
  },
  manager: { name: 'system:kube-controller-manager', groups: [authenticated] },
  scheduler: { name: 'system:kube-scheduler', groups: [authenticated] },
  account: {
    name: 'system:serviceaccount:default:default',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', authenticated],
  },
  // Not of kube-system, though its namespace begins so.
  lookalike: {
    name: 'system:serviceaccount:kube-system-x:a',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system-x', authenticated],
  },
  person: { name: 'jane', groups: [authenticated] },
  anonymous: { name: 'system:anonymous', groups: ['system:unauthenticated'] },
  nobody: { name: 'x', groups: [] },
};
const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x';

function schemaOf(schemas: readonly Schema[], user: keyof typeof users, method: string, path: string) {
  const { pathname, searchParams } = new URL(`https://x${path}`);
  const info = requestInfo(method, pathname, searchParams);
  return new Classifier(schemas).classify(users[user], info)?.name;
}

describe('the built-in schemas', () => {
  test.each<[keyof typeof users, string, string, string | undefined]>([
    ['admin', 'GET', '/api/v1/pods', 'exempt'],
    ['admin', 'GET', '/healthz', 'exempt'],
    ['anonymous', 'GET', '/healthz', 'probes'],
    ['person', 'GET', '/livez/ping', 'probes'],
    ['person', 'GET', '/livezz', 'global-default'],
    ['person', 'POST', '/livez', 'global-default'],
    ['manager', 'GET', lease, 'system-leader-election'],
    ['manager', 'PUT', lease, 'system-leader-election'],
    ['manager', 'GET', lease.replace('/x', ''), 'kube-controller-manager'],
    ['manager', 'DELETE', lease, 'kube-controller-manager'],
    ['scheduler', 'PUT', lease, 'system-leader-election'],
    ['scheduler', 'POST', '/api/v1/namespaces/a/pods/x/binding', 'kube-scheduler'],
    ['controller', 'GET', '/api/v1/namespaces/a/configmaps/x', 'workload-leader-election'],
    ['controller', 'PATCH', '/api/v1/namespaces/a/configmaps/x', 'kube-system-service-accounts'],
    ['controller', 'GET', '/apis', 'kube-system-service-accounts'],
    ['node', 'GET', '/api/v1/nodes/n1', 'system-node-high'],
    ['node', 'PATCH', '/api/v1/nodes/n1/status', 'system-node-high'],
    ['node', 'PUT', lease, 'system-node-high'],
    ['node', 'GET', '/api/v1/nodes/n1/proxy', 'system-nodes'],
    ['node', 'GET', '/api/v1/pods', 'system-nodes'],
    ['node', 'GET', '/version', 'system-nodes'],
    ['account', 'GET', '/api/v1/pods', 'service-accounts'],
    ['account', 'GET', '/api/v1/namespaces/a/pods', 'service-accounts'],
    ['lookalike', 'GET', '/api/v1/pods', 'service-accounts'],
    ['person', 'GET', '/api/v1/pods?watch=1', 'global-default'],
    ['anonymous', 'GET', '/version', 'global-default'],
    ['nobody', 'GET', '/version', undefined],
  ])('%s %s %s: %s', (user, method, path, expected) => {
    expect(schemaOf(bootstrap, user, method, path)).toBe(expected);
  });
});

const schema = (name: string, matchingPrecedence: number, ...rules: PolicyRulesWithSubjects[]): Schema => ({
  name,
  spec: { priorityLevelConfiguration: { name: 'x' }, matchingPrecedence, rules },
});
const anybody = [{ kind: 'User', user: { name: '*' } }];
const everyPath = [{ verbs: ['*'], nonResourceURLs: ['*'] }];
const rule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
const about = (resourceRule: object) =>
  schema('yes', 1, { subjects: anybody, resourceRules: [{ ...rule, ...resourceRule }] });
const paths = (...nonResourceURLs: string[]) =>
  schema('yes', 1, { subjects: anybody, nonResourceRules: [{ verbs: ['get'], nonResourceURLs }] });

describe('rules', () => {
  test('the lowest precedence wins, then the name', () => {
    const of = (name: string, precedence: number) =>
      schema(name, precedence, { subjects: anybody, nonResourceRules: everyPath });
    expect(schemaOf([of('c', 2), of('b', 1), of('a', 2)], 'person', 'GET', '/x')).toBe('b');
    expect(schemaOf([of('c', 2), of('a', 2)], 'person', 'GET', '/x')).toBe('a');
  });
  test.each<[string, object, string, boolean]>([
    ['verb', { verbs: ['get'] }, '/api/v1/namespaces/a/pods/x', true],
    ['verb', { verbs: ['list'] }, '/api/v1/namespaces/a/pods/x', false],
    ['group', { apiGroups: ['apps'] }, '/apis/apps/v1/deployments', true],
    ['core group', { apiGroups: [''] }, '/apis/apps/v1/deployments', false],
    ['resource', { resources: ['pods'] }, '/api/v1/pods', true],
    ['a subresource is not its resource', { resources: ['pods'] }, '/api/v1/namespaces/a/pods/x/status', false],
    ['subresource', { resources: ['pods/status'] }, '/api/v1/namespaces/a/pods/x/status', true],
    ['a wildcard beside others is none', { resources: ['*', 'nodes'] }, '/api/v1/pods', false],
    ['namespace', { namespaces: ['a'] }, '/api/v1/namespaces/a/pods', true],
    ['another namespace', { namespaces: ['b'] }, '/api/v1/namespaces/a/pods', false],
    ['all namespaces are not the cluster', { clusterScope: false }, '/api/v1/pods', false],
    ['the cluster', { namespaces: [] }, '/api/v1/pods', true],
    ['a namespace itself', { namespaces: ['a'], clusterScope: false }, '/api/v1/namespaces/a', true],
  ])('%s', (_, change, path, expected) => {
    expect(schemaOf([about(change)], 'person', 'GET', path)).toBe(expected ? 'yes' : undefined);
  });
  test.each<[string[], string, boolean]>([
    [['/a'], '/a', true],
    [['/a'], '/a/b', true],
    [['/a'], '/ab', false],
    [['/a/'], '/a/b', true],
    [['/a/*'], '/a/b/c', true],
    [['/a/*'], '/a', false],
    [['/x', '/a'], '/a', true],
    [['*'], '/whatever', true],
  ])('%s, %s: %s', (urls, path, expected) => {
    expect(schemaOf([paths(...urls)], 'person', 'GET', path)).toBe(expected ? 'yes' : undefined);
  });
  test('subjects and rules belong together', () => {
    const two = schema(
      'yes',
      1,
      {
        subjects: [{ kind: 'User', user: { name: 'jane' } }],
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a'] }],
      },
      { subjects: [{ kind: 'Group', group: { name: 'system:nodes' } }], nonResourceRules: everyPath },
    );
    expect(schemaOf([two], 'person', 'GET', '/a')).toBe('yes');
    expect(schemaOf([two], 'person', 'GET', '/b')).toBeUndefined();
    expect(schemaOf([two], 'node', 'GET', '/b')).toBe('yes');
  });
});
