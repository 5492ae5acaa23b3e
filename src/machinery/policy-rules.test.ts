import { describe, expect, test } from 'vitest';
import { type Asked, allows, compacted, type Rule, ruleText, uncovered } from './policy-rules.ts';

const rule = (verbs: string, apiGroups: string, resources: string, names = ''): Rule => ({
  verbs: verbs.split(' '),
  apiGroups: apiGroups.split(' ').map((group) => (group === 'core' ? '' : group)),
  resources: resources.split(' '),
  ...(names === '' ? {} : { resourceNames: names.split(' ') }),
});
const urls = (verbs: string, paths: string): Rule => ({ verbs: verbs.split(' '), nonResourceURLs: paths.split(' ') });

const asked = (verb: string, what: string, more: Partial<Asked> = {}): Asked => {
  const [resource = '', subresource = ''] = what.split('/');
  return { isResource: true, verb, group: '', resource, subresource, name: '', path: '', ...more };
};
const page = (verb: string, path: string): Asked => ({ ...asked(verb, ''), isResource: false, path });

describe('what a rule allows', () => {
  test.each<[Rule, Asked, boolean]>([
    [rule('get', 'core', 'pods'), asked('get', 'pods'), true],
    [rule('get', 'core', 'pods'), asked('list', 'pods'), false],
    [rule('get', 'core', 'pods'), asked('get', 'pods', { group: 'apps' }), false],
    [rule('get', 'core', 'pods'), asked('get', 'pods/log'), false],
    [rule('get', 'core', 'pods/log'), asked('get', 'pods/log'), true],
    [rule('get', 'core', 'pods/log'), asked('get', 'pods'), false],
    [rule('get', 'core', '*/log'), asked('get', 'pods/log'), true],
    [rule('get', 'core', '*/log'), asked('get', 'pods'), false],
    [rule('get', 'core', '*/log'), asked('get', 'pods/x/log'), false],
    [rule('get', 'core', 'pods/*'), asked('get', 'pods/log'), false],
    [rule('get', 'core', 'pods/*'), asked('get', 'pods/*'), true],
    [rule('get', 'core', '*'), asked('get', 'pods/log'), true],
    [rule('*', '*', '*'), asked('', ''), true],
    [rule('get', 'core', 'pods', 'a b'), asked('get', 'pods', { name: 'b' }), true],
    [rule('get', 'core', 'pods', 'a b'), asked('get', 'pods'), false],
    [rule('list', 'core', 'pods', 'a'), asked('list', 'pods'), false],
    [rule('get', 'core', 'pods', '*'), asked('get', 'pods', { name: 'a' }), false],
    [rule('get', 'core', 'pods'), page('get', '/pods'), false],
    [urls('get', '/a /b/*'), page('get', '/a'), true],
    [urls('get', '/a /b/*'), page('get', '/a/'), false],
    [urls('get', '/a /b/*'), page('get', '/b/c/d'), true],
    [urls('get', '/a /b/*'), page('get', '/b'), false],
    [urls('get', '/b**'), page('get', '/bc'), true],
    [urls('get', '/*/x'), page('get', '/a/x'), false],
    [urls('get', '*'), page('get', '/x'), true],
    [urls('get', '*'), asked('get', 'x'), false],
    [{}, asked('get', 'pods'), false],
    [rule('get', 'core', 'constructor'), asked('get', '__proto__'), false],
  ])('%j of %j: %s', (one, question, answer) => {
    expect(allows(one, question)).toBe(answer);
  });
});

describe('what rules do not cover', () => {
  test.each<[Rule[], Rule[], Rule[]]>([
    [[rule('get list', 'core', 'pods')], [rule('*', '*', '*')], []],
    [[rule('get list', 'core', 'pods')], [rule('get', 'core', 'pods')], [rule('list', 'core', 'pods')]],
    [[rule('get', 'core', 'pods/log')], [rule('get', 'core', '*/log')], []],
    [[rule('get', 'core', '*/log')], [rule('get', 'core', '*/log')], []],
    [[rule('get', 'core', 'pods/log')], [rule('get', 'core', 'pods')], [rule('get', 'core', 'pods/log')]],
    [[rule('*', 'core', 'pods')], [rule('get', 'core', 'pods')], [rule('*', 'core', 'pods')]],
    [[rule('get', 'core', 'pods', 'a b')], [rule('get', 'core', 'pods', 'a')], [rule('get', 'core', 'pods', 'b')]],
    [[rule('get', 'core', 'pods', 'a')], [rule('get', 'core', 'pods')], []],
    [[rule('get', 'core', 'pods')], [rule('get', 'core', 'pods', 'a')], [rule('get', 'core', 'pods')]],
    [[urls('get', '/h/x /a')], [urls('get', '/h/*')], [urls('get', '/a')]],
    [[urls('get', '/h/*')], [urls('get', '/h/* /b')], []],
    // Two rules may cover together what neither does.
    [[rule('get list', 'core', 'pods')], [rule('get', 'core', 'pods'), rule('list', 'core', '*')], []],
    // By group, resource and verb.
    [
      [rule('get list', 'a b', 'c d')],
      [],
      ['a c', 'a d', 'b c', 'b d'].flatMap((both) =>
        ['get', 'list'].map((verb) => rule(verb, both.slice(0, 1), both.slice(2))),
      ),
    ],
  ])('%j beyond %j', (wanted, rules, rest) => {
    expect(uncovered(wanted, rules)).toEqual(rest);
  });

  test('a rule that is a million rules takes no time', () => {
    const many = (prefix: string) => Array.from({ length: 1000 }, (_, i) => `${prefix}${i}`).join(' ');
    const huge = rule(many('v'), many('g'), many('r'));
    const begun = performance.now();
    // Nothing of it is held; all but the last of it is; all of it is, by one rule.
    expect(uncovered([huge], [rule('v1', 'g1', 'r1')])).toHaveLength(2000);
    const nearly = rule(many('v'), many('g'), `${many('r').replace(/ r999$/, '')}`);
    expect(uncovered([huge, rule('get', 'core', 'pods')], [nearly])).toEqual([huge, rule('get', 'core', 'pods')]);
    expect(uncovered([huge], [rule('*', '*', '*')])).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});

test('rules are shown as upstream shows them, with the verbs of a resource together', () => {
  const missing = uncovered(
    [rule('get list', 'core', 'pods nodes'), urls('get', '/a'), rule('get', 'apps', 'x', 'n')],
    [],
  );
  expect(compacted(missing).map(ruleText)).toEqual([
    '{NonResourceURLs:["/a"], Verbs:["get"]}',
    '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
    '{APIGroups:["apps"], Resources:["x"], ResourceNames:["n"], Verbs:["get"]}',
  ]);
});

test('rules with long lists take no time either', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => `w${i}`);
  const wide: Rule = { verbs: many, apiGroups: ['', ...many], resources: [...many, 'pods/log'], resourceNames: many };
  const paths: Rule = { verbs: ['get'], nonResourceURLs: many.map((one) => `/${one}`) };
  const begun = performance.now();
  for (let i = 0; i < 2000; i++) expect(allows(wide, asked('w99999', 'pods/log', { name: `w${i}` }))).toBe(true);
  expect(uncovered([wide], [rule('get', 'core', 'pods'), wide])).toEqual([]);
  expect(uncovered([paths], [paths])).not.toEqual([]);
  expect(performance.now() - begun).toBeLessThan(5000);
});
