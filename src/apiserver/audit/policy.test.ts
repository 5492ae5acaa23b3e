// Which rule a request falls under, against an evaluator written another way: each rule is spelt out as everything that it
// matches, and the first that holds the request decides.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditPolicy, AuditRule } from '../../configuration/audit.ts';
import { ConfigurationError, readConfiguration } from '../../configuration/configuration.ts';
import type { User } from '../core.ts';
import { requestInfo } from '../routing.ts';
import { policyEvaluator } from './policy.ts';

const users: (User | undefined)[] = [
  undefined,
  { name: 'ann', groups: ['dev', 'system:authenticated'] },
  { name: 'bob', groups: [] },
  { name: 'ann', groups: ['ops'] },
];
const requests = [
  ['GET', '/api/v1/namespaces/a/pods/x'],
  ['GET', '/api/v1/namespaces/a/pods/x/log'],
  ['GET', '/api/v1/pods'],
  ['POST', '/api/v1/namespaces/b/secrets'],
  ['PUT', '/apis/apps/v1/namespaces/a/deployments/x/scale'],
  ['PUT', '/apis/apps/v1/namespaces/b/deployments/y'],
  ['GET', '/api/v1/nodes/x'],
  ['GET', '/healthz'],
  ['GET', '/healthz/ping'],
  ['GET', '/openapi/v2'],
] as const;

const some = <T>(...values: T[]) => fc.subarray(values, { maxLength: 2 });
const resourcesArbitrary = fc
  .record({
    group: fc.constantFrom('', 'apps'),
    resources: some('pods', 'pods/log', 'pods/*', '*', '*/scale', '*/log', 'deployments', 'secrets', 'nodes'),
    resourceNames: some('x', 'y', ''),
  })
  .map((one) => (one.resources.length === 0 ? { ...one, resourceNames: [] } : one));
const ruleArbitrary: fc.Arbitrary<AuditRule> = fc.record({
  level: fc.constantFrom('None', 'Metadata', 'Request', 'RequestResponse'),
  users: some('ann', 'bob', 'system:anonymous'),
  userGroups: some('dev', 'ops', 'system:authenticated'),
  verbs: some('get', 'list', 'create', 'update', 'log'),
  resources: fc.oneof(fc.constant([]), fc.array(resourcesArbitrary, { maxLength: 2 })),
  namespaces: fc.oneof(fc.constant([]), some('a', 'b', '')),
  nonResourceURLs: fc.oneof(fc.constant([]), some('*', '/healthz', '/healthz*', '/healthz/*', '/open*', '/')),
  omitStages: some('RequestReceived', 'ResponseComplete'),
});
const policyArbitrary: fc.Arbitrary<AuditPolicy> = fc.record({
  rules: fc.array(ruleArbitrary, { maxLength: 6 }),
  omitStages: some('Panic', 'ResponseStarted'),
  omitManagedFields: fc.boolean(),
});

/** A pattern whose stars stand for anything. */
const like = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.^$+?()[\]{}|\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(text);

function reference(policy: AuditPolicy, method: string, path: string, user: User | undefined) {
  const parts = path.split('/').slice(1);
  const isResource = (parts[0] === 'api' && parts.length > 2) || (parts[0] === 'apis' && parts.length > 3);
  const group = parts[0] === 'apis' ? (parts[1] as string) : '';
  const rest = parts.slice(parts[0] === 'apis' ? 3 : 2);
  const namespace = rest[0] === 'namespaces' ? (rest[1] as string) : '';
  const [resource = '', name = '', subresource = ''] = rest[0] === 'namespaces' ? rest.slice(2) : rest;
  const verb = !isResource
    ? method.toLowerCase()
    : method === 'POST'
      ? 'create'
      : method === 'PUT'
        ? 'update'
        : name === ''
          ? 'list'
          : 'get';
  for (const rule of policy.rules) {
    const tests: boolean[] = [];
    if (rule.users.length) tests.push(rule.users.some((one) => one === user?.name));
    if (rule.userGroups.length)
      tests.push(
        new Set([...rule.userGroups, ...(user?.groups ?? [])]).size <
          rule.userGroups.length + (user?.groups.length ?? 0),
      );
    if (rule.verbs.length) tests.push(rule.verbs.some((one) => one === verb));
    if (rule.namespaces.length + rule.resources.length > 0) tests.push(isResource);
    else if (rule.nonResourceURLs.length)
      tests.push(!isResource && rule.nonResourceURLs.some((one) => like(one, path)));
    if (rule.namespaces.length) tests.push(rule.namespaces.some((one) => one === namespace));
    if (rule.resources.length)
      tests.push(
        rule.resources.some((one) => {
          if (one.group !== group) return false;
          const asked = [resource + (subresource && `/${subresource}`), '*', `${resource}/*`];
          if (subresource) asked.push(`*/${subresource}`);
          if (one.resources.length && !one.resources.some((wanted) => asked.includes(wanted))) return false;
          return one.resourceNames.length === 0 || one.resourceNames.includes(name);
        }),
      );
    if (tests.every(Boolean))
      return { level: rule.level, omit: [...new Set([...policy.omitStages, ...rule.omitStages])].sort() };
  }
  return { level: 'None', omit: [...policy.omitStages].sort() };
}

describe('the first rule that matches decides', () => {
  it('as another evaluator has it, 60,000 times', () => {
    const levels = new Map<string, number>();
    fc.assert(
      fc.property(policyArbitrary, (policy) => {
        const evaluate = policyEvaluator(policy);
        for (const user of users)
          for (const [method, path] of requests) {
            const { level, omitStages } = evaluate(requestInfo(method, path, new URLSearchParams()), user);
            levels.set(level, (levels.get(level) ?? 0) + 1);
            const decided = JSON.stringify({ level, omit: [...omitStages].sort() });
            if (decided !== JSON.stringify(reference(policy, method, path, user)))
              throw new Error(`${method} ${path}: ${decided}`);
          }
      }),
      { numRuns: 1500, seed: 4 },
    );
    for (const level of ['None', 'Metadata', 'Request', 'RequestResponse'])
      expect(levels.get(level)).toBeGreaterThan(1000);
  });
  it('managed fields are left out as the rule, else as the policy says', () => {
    const rule = (omitManagedFields?: boolean): AuditRule => ({
      level: 'Request',
      users: [],
      userGroups: [],
      verbs: [],
      resources: [],
      namespaces: [],
      nonResourceURLs: [],
      omitStages: [],
      ...(omitManagedFields === undefined ? {} : { omitManagedFields }),
    });
    const omits = (policy: boolean, ofRule?: boolean) =>
      policyEvaluator({ rules: [rule(ofRule)], omitStages: [], omitManagedFields: policy })(
        requestInfo('GET', '/', new URLSearchParams()),
        undefined,
      ).omitManagedFields;
    expect([omits(true), omits(true, false), omits(false), omits(false, true)]).toEqual([true, false, false, true]);
  });
});

const policy = (content: object) => ({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...content });
const problems = (...documents: object[]): string => {
  try {
    readConfiguration(documents);
    return '';
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message;
  }
};

describe('a policy is refused', () => {
  it.each([
    [{}, 'rules: Required value: loaded illegal policy with 0 rules'],
    [{ rules: [{}] }, 'rules[0].level: Required value'],
    [
      { rules: [{ level: 'metadata' }] },
      'rules[0].level: Unsupported value: "metadata": supported values: "None", "Metadata", "Request", "RequestResponse"',
    ],
    [
      { rules: [{ level: 'None', nonResourceURLs: ['x', '/a*b', '*', '/x*'] }] },
      'rules[0].nonResourceURLs[0]: Invalid value: "x": non-resource URL rules must begin with a \'/\' character',
    ],
    [
      { rules: [{ level: 'None', nonResourceURLs: ['/a*b'] }] },
      'rules[0].nonResourceURLs[0]: Invalid value: "/a*b": non-resource URL wildcards \'*\' must be the final character of the rule',
    ],
    [
      { rules: [{ level: 'None', nonResourceURLs: ['/a'], namespaces: ['x'] }] },
      'rules cannot apply to both regular resources and non-resource URLs',
    ],
    [
      { rules: [{ level: 'None', resources: [{ group: 'apps/v1' }] }] },
      'rules[0].resources.group: Invalid value: "apps/v1"',
    ],
    [
      { rules: [{ level: 'None', resources: [{ resourceNames: ['x'] }] }] },
      'using resourceNames requires at least one resource',
    ],
    [
      { rules: [{ level: 'None', omitStages: ['Never'] }] },
      'rules[0].omitStages[0]: Invalid value: "Never": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
    ],
    [{ rules: [{ level: 'None', who: [] }] }, 'rules[0].who: Forbidden: unknown field'],
    [{ rules: 'x', omitStages: 7, omitManagedFields: 'yes' }, 'omitManagedFields'],
    [{ rules: [null] }, 'rules[0]'],
  ])('%j', (content, message) => expect(problems(policy(content))).toContain(message));
  it.each([
    [{ webhook: {} }, 'webhook.server: Required value'],
    [{ webhook: { server: 'http://a.example' } }, 'URL scheme must be https'],
    [{ bucket: { batchMaxSize: 0 } }, 'bucket.batchMaxSize: Invalid value: 0: must be between 1 and 10000'],
    [{ bucket: { batchMaxWait: '1h' } }, 'must be at most 5m'],
    [{ truncateMaxEventSize: 'x' }, 'truncateMaxEventSize: Invalid value: "x": must be an integer'],
    [{ log: 1 }, 'log: Invalid value: 1: must be true or false'],
  ])('sinks %j', (content, message) =>
    expect(problems({ apiVersion: 'tiffin.dev/v1', kind: 'AuditSinks', ...content })).toContain(message),
  );
});
