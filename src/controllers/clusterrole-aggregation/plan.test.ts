import { expect, test } from 'vitest';
import type { ClusterRole, PolicyRule } from '../../generated/schemas/rbac-v1.ts';
import { meta } from '../lib/testing.ts';
import { outdated } from './plan.ts';

const rule = (resource: string): PolicyRule => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });

function role(name: string, parts: Partial<ClusterRole>, labels: Record<string, string> = {}): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: meta(name, { labels }),
    ...parts,
  };
}

const selects = (...labels: Record<string, string>[]) => ({
  aggregationRule: { clusterRoleSelectors: labels.map((matchLabels) => ({ matchLabels })) },
});

test('rules come in the order of selectors and names, each once', () => {
  const roles = [
    role('z', { rules: [rule('pods'), rule('nodes')] }, { to: 'a' }),
    role('b', { rules: [rule('pods')] }, { to: 'a' }),
    role('c', { rules: [rule('secrets')] }, { to: 'other' }),
    role('a', { ...selects({ to: 'other' }, { to: 'a' }), rules: [] }, { to: 'a' }),
  ];
  const [changed, ...rest] = outdated(roles);
  expect(rest).toEqual([]);
  expect(changed?.metadata.name).toBe('a');
  expect(changed?.rules).toEqual([rule('secrets'), rule('pods'), rule('nodes')]);
  expect(outdated([...roles.slice(0, 3), changed as ClusterRole])).toEqual([]);
});

test('a role that aggregates another has at once what that is to have; one that selects nothing allows nothing', () => {
  const base = role('base', { rules: [rule('pods')] }, { to: 'edit' });
  const edit = role('edit', { ...selects({ to: 'edit' }), rules: [rule('nodes')] }, { to: 'admin' });
  const admin = role('admin', { ...selects({ to: 'admin' }), rules: [] });
  const changed = outdated([base, edit, admin]);
  expect(changed.map(({ metadata, rules }) => [metadata.name, rules])).toEqual([
    ['edit', [rule('pods')]],
    ['admin', [rule('pods')]],
  ]);
  expect(outdated([role('lone', { ...selects({ to: 'none' }), rules: [rule('pods')] })])[0]?.rules).toEqual([]);
});

test.each([
  ['a pair', { a: ['b'], b: ['a'] }],
  ['a ring', { a: ['b'], b: ['c'], c: ['a'] }],
  ['everybody, in other orders', { a: ['b', 'base', 'c'], b: ['c', 'a', 'base'], c: ['base', 'a', 'b'] }],
])('roles that aggregate each other (%s) come to rest, with what roles of their own allow', (_what, selected) => {
  const names = Object.keys(selected);
  const circle = names.map((name) =>
    role(
      name,
      {
        ...selects(...((selected as Record<string, string[]>)[name] ?? []).map((to) => ({ name: to }))),
        rules: [rule(name)],
      },
      { name },
    ),
  );
  const base = role('base', { rules: [rule('pods'), rule('nodes')] }, { name: 'base' });
  const changed = outdated([base, ...circle]);
  expect(changed.map(({ metadata }) => metadata.name)).toEqual(names);
  const rules = _what.startsWith('everybody') ? base.rules : [];
  for (const one of changed) expect(one.rules).toEqual(rules);
  expect(outdated([base, ...changed])).toEqual([]);
});
