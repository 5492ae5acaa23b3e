// Tens of thousands of questions about random policies that change through the API, each answered twice: by the authorizer,
// whose index has followed every change, and by a reference evaluator, which reads all objects anew and knows nothing but what
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/ says. It shares no code with the authorizer.
import { expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { TestRandom, type TestServer, testServer } from '../../testing.ts';
import type { Attributes } from '../authorizer.ts';
import { rbacAuthorizer } from './authorizer.ts';
import { Policy } from './policy.ts';

const group = 'rbac.authorization.k8s.io';
const base = `/apis/${group}/v1`;

interface Rule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}
interface Stored {
  kind: 'Role' | 'ClusterRole' | 'RoleBinding' | 'ClusterRoleBinding';
  metadata: { name: string; namespace?: string };
  rules?: Rule[] | null;
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}
type Question = Attributes;

// The reference. ---------------------------------------------------------------------------------------------------------

const anyOf = (wanted: string, list: string[] | undefined): boolean => {
  for (const one of list ?? []) if (one === '*' || one === wanted) return true;
  return false;
};

/** `*` is all of them; `*` + `/sub` is a subresource of all; otherwise the resource, or `resource/subresource`. */
function matchesResource(pattern: string, { resource, subresource }: Question): boolean {
  if (pattern === '*') return true;
  const asked = subresource ? [resource, subresource].join('/') : resource;
  if (pattern === asked) return true;
  return subresource !== '' && pattern === ['*', subresource].join('/');
}

/** A path, or a prefix followed by stars. */
function matchesPath(pattern: string, path: string): boolean {
  const prefix = /^(.*?)\*+$/.exec(pattern);
  return prefix ? path.indexOf(prefix[1] as string) === 0 : pattern === path;
}

function grants(rule: Rule, question: Question): boolean {
  if (!anyOf(question.verb, rule.verbs)) return false;
  if (!question.isResource)
    return (rule.nonResourceURLs ?? []).filter((url) => matchesPath(url, question.path)).length > 0;
  if (!anyOf(question.group, rule.apiGroups)) return false;
  if ((rule.resources ?? []).filter((pattern) => matchesResource(pattern, question)).length === 0) return false;
  const names = rule.resourceNames ?? [];
  return names.length === 0 || names.indexOf(question.name) >= 0;
}

function isSubject(
  subject: { kind: string; name: string; namespace?: string },
  home: string,
  { user }: Question,
): boolean {
  if (subject.kind === 'User') return subject.name === user.name;
  if (subject.kind === 'Group') return user.groups.indexOf(subject.name) >= 0;
  return user.name === ['system', 'serviceaccount', subject.namespace || home, subject.name].join(':');
}

/** The bindings that grant it, as reasons call them; and the roles that some binding of the user lacks. */
function evaluate(objects: readonly Stored[], question: Question): { by: string[]; lacking: boolean } {
  const by: string[] = [];
  let lacking = false;
  for (const { kind, metadata, roleRef, subjects = [] } of objects) {
    if (!roleRef) continue;
    const home = metadata.namespace ?? '';
    if (kind === 'RoleBinding' && (question.namespace === '' || home !== question.namespace)) continue;
    if (!subjects.some((subject) => isSubject(subject, home, question))) continue;
    const role = objects.find(
      (one) =>
        one.kind === roleRef.kind &&
        one.metadata.name === roleRef.name &&
        (one.kind === 'ClusterRole' || one.metadata.namespace === home),
    );
    if (!role) lacking = true;
    else if ((role.rules ?? []).some((rule) => grants(rule, question)))
      by.push(`${kind} "${metadata.name}${home === '' ? '' : `/${home}`}" of ${roleRef.kind} "${roleRef.name}" to `);
  }
  return { by, lacking };
}

// What there is to choose from: few of each, so that things meet, and wildcards where they mean something and where not. -----

const words = {
  namespaces: ['a', 'b', 'c'],
  users: [
    'jane',
    'joe',
    'Jane',
    'a',
    '',
    '__proto__',
    'system:serviceaccount:a:ci',
    'system:serviceaccount:b:ci',
    'system:x',
  ],
  groups: ['dev', 'ops', 'constructor', 'jane', 'system:authenticated', 'system:serviceaccounts'],
  accounts: ['ci', 'default'],
  verbs: ['get', 'list', 'create', 'delete', 'use', 'ge', '*'],
  apiGroups: ['', 'apps', 'x.io', '*', 'app'],
  resources: ['pods', 'nodes', 'toString', 'p'],
  subresources: ['', '', '', 'log', 'scale', '*'],
  patterns: [
    'pods',
    'pods/log',
    'nodes',
    '*/log',
    '*/scale',
    '*',
    'pods/*',
    '*/*',
    '*/',
    'po*',
    'toString',
    'nodes/scale',
  ],
  names: ['', '', 'one', 'two', '*', 'hasOwnProperty'],
  urls: ['/a', '/a/', '/a/b', '/a/*', '/a*', '*', '/*', '/a**', '/', '/*/b', '/b'],
  paths: ['/a', '/a/', '/a/b', '/ab', '/b', '/', '', '*', '/a*', '/x/b'],
  roles: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'valueOf', 'gone'],
  bindings: Array.from({ length: 16 }, (_, i) => `b${i}`),
};

class Dice extends TestRandom {
  one<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T;
  }
  some<T>(list: readonly T[], max: number, min = 1): T[] {
    return [...new Set(Array.from({ length: min + this.int(max - min + 1) }, () => this.one(list)))];
  }

  rule(namespaced: boolean): Rule {
    const verbs = this.some(words.verbs, 4);
    if (!namespaced && this.int(4) === 0) return { verbs, nonResourceURLs: this.some(words.urls, 3) };
    const names = this.int(3) === 0 ? { resourceNames: this.some(['one', 'two', '*', 'hasOwnProperty'], 2) } : {};
    return { verbs, apiGroups: this.some(words.apiGroups, 3), resources: this.some(words.patterns, 4), ...names };
  }

  subject() {
    const kind = this.one(['User', 'Group', 'ServiceAccount']);
    const list = kind === 'User' ? words.users.filter((name) => name !== '') : words.groups;
    if (kind !== 'ServiceAccount') return { kind, name: this.one(list), apiGroup: group };
    return { kind, name: this.one(words.accounts), namespace: this.one(words.namespaces) };
  }

  question(): Question {
    const isResource = this.int(8) > 0;
    return {
      user: { name: this.one(words.users), groups: this.some(words.groups, 2, 0) },
      isResource,
      verb: this.one(words.verbs),
      group: isResource ? this.one(words.apiGroups) : '',
      version: '*',
      namespace: isResource && this.int(4) > 0 ? this.one(words.namespaces) : '',
      resource: isResource ? this.one(words.resources) : '',
      subresource: isResource ? this.one(words.subresources) : '',
      name: isResource ? this.one(words.names) : '',
      path: isResource ? '' : this.one(words.paths),
    };
  }

  /** One change of the policy, as a request. */
  change(): { method: string; path: string; body?: object } {
    const cluster = this.int(3) === 0;
    const namespace = this.one(words.namespaces);
    const place = cluster ? base : `${base}/namespaces/${namespace}`;
    const isRole = this.int(2) === 0;
    const name = this.one(isRole ? words.roles.slice(0, -1) : words.bindings);
    const plural = `${cluster ? 'cluster' : ''}role${isRole ? 's' : 'bindings'}`;
    const path = `${place}/${plural}/${name}`;
    if (this.int(8) === 0) return { method: 'DELETE', path };
    if (isRole) {
      const rules = Array.from({ length: this.int(6) }, () => this.rule(!cluster));
      return { method: this.one(['PUT', 'PUT', 'PATCH']), path, body: { metadata: { name }, rules } };
    }
    const subjects = Array.from({ length: this.int(6) }, () => this.subject());
    if (this.int(4) === 0) return { method: 'PATCH', path, body: { subjects } };
    const kind = cluster || this.int(2) === 0 ? 'ClusterRole' : 'Role';
    const roleRef = { apiGroup: group, kind, name: this.one(words.roles) };
    return { method: 'PUT', path, body: { metadata: { name }, roleRef, subjects } };
  }
}

async function stored(call: TestServer['call']): Promise<Stored[]> {
  const kinds = ['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'] as const;
  const lists = kinds.map(async (kind) => {
    const { items } = (await call('GET', `${base}/${kind.toLowerCase()}s`)).json as { items: Stored[] };
    return items.map((item) => ({ ...item, kind }));
  });
  return (await Promise.all(lists)).flat();
}

const seed = Number(process.env.SEED ?? 20261123);

test(`60,000 questions of a policy that changes (seed ${seed})`, { timeout: 120_000 }, async () => {
  const { call, ledger } = await testServer(openSql());
  for (const name of words.namespaces) await call('POST', '/api/v1/namespaces', { metadata: { name } });
  const dice = new Dice(seed);
  const following = rbacAuthorizer(new Policy(ledger));
  const answers = { yes: 0, no: 0, lacking: 0 };
  const changes = { made: 0, refused: 0 };
  const rounds = 200;
  for (let round = 0; round < rounds; round++) {
    // The first changes fill what is empty.
    for (let i = round === 0 ? 150 : 1 + dice.int(5); i > 0; i--) {
      const { method, path, body } = dice.change();
      const { code } = await call(method, path, body);
      expect([200, 201, 404, 422]).toContain(code);
      changes[code < 300 ? 'made' : 'refused']++;
    }
    const objects = (await stored(call)).filter(
      ({ metadata }) => !/^(system:|kube|view|edit|admin|cluster)/.test(metadata.name),
    );
    // From time to time an index that is read anew, beside the one that has followed.
    const authorizers = round % 20 === 0 ? [following, rbacAuthorizer(new Policy(ledger))] : [following];
    for (let i = 0; i < 60_000 / rounds; i++) {
      const question = dice.question();
      const { by, lacking } = evaluate(objects, question);
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(question);
        const told = `seed ${seed}, round ${round}: ${JSON.stringify(question)}`;
        // What every cluster has, none of these questions is about: all of it names what is not among the words.
        expect(decision?.allowed === true, told).toBe(by.length > 0);
        if (decision?.allowed)
          expect(
            by.some((one) => decision.reason.startsWith(`RBAC: allowed by ${one}`)),
            told,
          ).toBe(true);
        else expect(decision !== undefined, told).toBe(lacking);
      }
      answers[by.length > 0 ? 'yes' : lacking ? 'lacking' : 'no']++;
    }
  }
  // Nothing is proven by questions that all have the same answer.
  expect(answers.yes).toBeGreaterThan(10_000);
  expect(answers.no).toBeGreaterThan(10_000);
  expect(answers.lacking).toBeGreaterThan(1_000);
  expect(changes.made).toBeGreaterThan(400);
});

test('what is asked over HTTP is answered the same', async () => {
  const { call } = await testServer(openSql());
  for (const name of words.namespaces) await call('POST', '/api/v1/namespaces', { metadata: { name } });
  const dice = new Dice(seed + 1);
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 30; i++) {
      const { method, path, body } = dice.change();
      await call(method, path, body);
    }
    const objects = await stored(call);
    for (let i = 0; i < 100; i++) {
      const question = dice.question();
      const { user, verb, isResource, path, group: apiGroup, namespace, resource, subresource, name } = question;
      if (user.name === '' && user.groups.length === 0) continue;
      const what = isResource
        ? { resourceAttributes: { verb, group: apiGroup, namespace, resource, subresource, name } }
        : { nonResourceAttributes: { verb, path } };
      const spec = { user: user.name, groups: user.groups, ...what };
      const answer = await call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec });
      expect(answer.json.status.allowed, JSON.stringify(question)).toBe(evaluate(objects, question).by.length > 0);
    }
  }
});
