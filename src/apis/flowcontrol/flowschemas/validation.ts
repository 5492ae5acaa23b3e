// What upstream's validation says of a FlowSchema.

import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../../generated/schemas/flowcontrol-v1.ts';
import { deepEqual, isDns1123Label, isDns1123Subdomain, nameIsDnsSubdomain } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { validateConditions } from '../conditions.ts';
import { goValue, list, pointer, type Shape } from '../go-value.ts';
import { mandatoryFlowSchemas } from './bootstrap.ts';

const precedenceMax = 10_000;
const supportedVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
/** Kind of subject, the member that it needs, and how that member must be. */
const subjectMembers = {
  ServiceAccount: 'serviceAccount',
  User: 'user',
  Group: 'group',
} as const;
type SubjectKind = keyof typeof subjectMembers;

const specShape: Shape = {
  priorityLevelConfiguration: { name: '' },
  matchingPrecedence: 0,
  distinguisherMethod: pointer({ type: '' }),
  rules: list({
    subjects: list({
      kind: '',
      user: pointer({ name: '' }),
      group: pointer({ name: '' }),
      serviceAccount: pointer({ namespace: '', name: '' }),
    }),
    resourceRules: list({
      verbs: list(''),
      apiGroups: list(''),
      resources: list(''),
      clusterScope: false,
      namespaces: list(''),
    }),
    nonResourceRules: list({ verbs: list(''), nonResourceURLs: list('') }),
  }),
};

export function validateFlowSchema(flowSchema: FlowSchema): Problems {
  const problems = new Problems();
  const name = flowSchema.metadata.name ?? '';
  const spec: Partial<FlowSchemaSpec> = flowSchema.spec ?? {};
  validateSpec(problems, name, spec);
  const fixed = mandatoryFlowSchemas.get(name);
  if (fixed && !deepEqual(spec, fixed.spec))
    problems.invalid('spec', goValue(spec, specShape), `spec of '${name}' must equal the fixed value`);
  validateConditions(problems, flowSchema);
  return problems;
}

function validateSpec(problems: Problems, name: string, spec: Partial<FlowSchemaSpec>): void {
  const precedence = spec.matchingPrecedence ?? 0;
  const wrong = (detail: string) => problems.invalid('spec.matchingPrecedence', precedence, detail);
  if (precedence <= 0) wrong('must be a positive value');
  if (precedence > precedenceMax) wrong(`must not be greater than ${precedenceMax}`);
  if (precedence === 1 && name !== 'exempt') wrong("only the schema named 'exempt' may have matchingPrecedence 1");
  const method = spec.distinguisherMethod;
  if (method && method.type !== 'ByUser' && method.type !== 'ByNamespace')
    problems.notSupported('spec.distinguisherMethod.type', { Type: method.type ?? '' }, ['ByNamespace', 'ByUser']);
  const level = spec.priorityLevelConfiguration?.name ?? '';
  const at = 'spec.priorityLevelConfiguration.name';
  if (level === '') problems.required(at, 'must reference a priority level');
  else problems.invalidAll(at, level, nameIsDnsSubdomain(level, false));
  spec.rules?.forEach((rule, i) => {
    validateRules(problems, `spec.rules[${i}]`, rule);
  });
}

function validateRules(problems: Problems, at: string, rule: Partial<PolicyRulesWithSubjects>): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule ?? {};
  if (subjects.length === 0) problems.required(`${at}.subjects`, 'subjects must contain at least one value');
  subjects.forEach((subject, i) => {
    validateSubject(problems, `${at}.subjects[${i}]`, subject ?? {});
  });
  if (resourceRules.length === 0 && nonResourceRules.length === 0)
    problems.required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty');
  resourceRules.forEach((one, i) => {
    validateResourceRule(problems, `${at}.resourceRules[${i}]`, one ?? {});
  });
  nonResourceRules.forEach((one, i) => {
    validateNonResourceRule(problems, `${at}.nonResourceRules[${i}]`, one ?? {});
  });
}

function validateSubject(problems: Problems, at: string, subject: Partial<Subject>): void {
  const kind = (subject.kind ?? '') as SubjectKind;
  if (!Object.hasOwn(subjectMembers, kind)) {
    problems.notSupported(`${at}.kind`, kind, ['Group', 'ServiceAccount', 'User']);
    return;
  }
  const member = subjectMembers[kind];
  const value = subject[member];
  if (!value) problems.required(`${at}.${member}`, `${member} is required when subject kind is '${kind}'`);
  else validateSubjectName(problems, `${at}.${member}`, kind, value);
  // The order in which upstream looks for what does not belong.
  const others: SubjectKind[] = kind === 'ServiceAccount' ? ['User', 'Group'] : ['ServiceAccount', 'User', 'Group'];
  for (const other of others.filter((one) => one !== kind && subject[subjectMembers[one]]))
    problems.forbidden(
      `${at}.${subjectMembers[other]}`,
      `${subjectMembers[other]} is forbidden when subject kind is not '${other}'`,
    );
}

function validateSubjectName(
  problems: Problems,
  at: string,
  kind: SubjectKind,
  { name = '', namespace = '' }: { name?: string; namespace?: string },
): void {
  if (name === '') problems.required(`${at}.name`);
  if (kind !== 'ServiceAccount') return;
  if (name !== '' && name !== '*') problems.invalidAll(`${at}.name`, name, isDns1123Subdomain(name));
  if (namespace === '') problems.required(`${at}.namespace`, 'must specify namespace for service account');
  else problems.invalidAll(`${at}.namespace`, namespace, isDns1123Label(namespace));
}

function validateVerbs(problems: Problems, at: string, verbs: readonly string[] = []): void {
  if (verbs.length === 0) problems.required(`${at}.verbs`, 'verbs must contain at least one value');
  else if (verbs.includes('*')) onlyWildcard(problems, `${at}.verbs`, verbs, 'verbs');
  else if (!verbs.every((verb) => supportedVerbs.includes(verb)))
    problems.notSupported(`${at}.verbs`, verbs, supportedVerbs);
}

function onlyWildcard(problems: Problems, at: string, values: readonly string[], what: string): void {
  if (values.length > 1 && values.includes('*'))
    problems.invalid(at, values, `if '*' is present, must not specify other ${what}`);
}

function validateNonResourceRule(problems: Problems, at: string, rule: Partial<NonResourcePolicyRule>): void {
  validateVerbs(problems, at, rule.verbs);
  const urls = rule.nonResourceURLs ?? [];
  const field = `${at}.nonResourceURLs`;
  if (urls.length === 0) problems.required(field, 'nonResourceURLs must contain at least one value');
  else if (urls.includes('*')) onlyWildcard(problems, field, urls, 'non-resource URLs');
  else
    urls.forEach((url, i) => {
      const wrong = pathProblem(url);
      if (wrong) problems.invalid(`${field}[${i}]`, url, wrong);
    });
}

function pathProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  const wildcards = path.split('*').length - 1;
  if (wildcards > 1 || (wildcards === 1 && !path.endsWith('/*'))) return 'wildcard can only do suffix matching';
  return undefined;
}

function validateResourceRule(problems: Problems, at: string, rule: Partial<ResourcePolicyRule>): void {
  const { apiGroups = [], resources = [], clusterScope } = rule;
  const namespaces = rule.namespaces ?? [];
  validateVerbs(problems, at, rule.verbs);
  if (apiGroups.length === 0) problems.required(`${at}.apiGroups`, 'resource rules must supply at least one api group');
  else onlyWildcard(problems, `${at}.apiGroups`, apiGroups, 'api groups');
  if (resources.length === 0) problems.required(`${at}.resources`, 'resource rules must supply at least one resource');
  else onlyWildcard(problems, `${at}.resources`, resources, 'resources');
  if (namespaces.length === 0 && !clusterScope)
    problems.required(
      `${at}.namespaces`,
      'resource rules that are not cluster scoped must supply at least one namespace',
    );
  else if (namespaces.includes('*')) onlyWildcard(problems, `${at}.namespaces`, namespaces, 'namespaces');
  else
    namespaces.forEach((namespace, i) => {
      for (const message of isDns1123Label(namespace))
        problems.invalid(
          `${at}.namespaces[${i}]`,
          namespace,
          `each member of this list must be '*' or a DNS-1123 label; ${message}`,
        );
    });
}
