// Policy: what the audit log says of which requests, in upstream's form. Without one nothing is audited. Where what it says
// goes is another kind (audit-sinks.ts).
import type { FieldError } from '../machinery/errors.ts';
import { invalid, isDns1123Subdomain, notSupported, required } from '../machinery/validation.ts';
import { Fields } from './fields.ts';

/** From nothing at all to everything: each has what those before it have. */
const auditLevels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof auditLevels)[number];

const auditStages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof auditStages)[number];

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  /** Of every rule. */
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean;
}

/** Empty lists match everything. */
export interface AuditRule {
  readonly level: AuditLevel;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly AuditResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: readonly AuditStage[];
  /** Absent: as the policy has it. */
  readonly omitManagedFields?: boolean;
}

export interface AuditResources {
  readonly group: string;
  /** `pods`, `pods/log`, `pods/*`, `*` before `/scale`, or `*`. */
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

const ruleFields = [
  'level',
  'users',
  'userGroups',
  'verbs',
  'resources',
  'namespaces',
  'nonResourceURLs',
  'omitStages',
  'omitManagedFields',
];

export const auditPolicy = {
  key: 'audit',
  group: 'audit.k8s.io',
  versions: ['v1'],
  kind: 'Policy',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): AuditPolicy {
    const known = ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields'];
    const fields = new Fields(document, '', known, problems);
    const omitStages = readStages(fields);
    const rules = fields.children('rules', ruleFields).map(readRule);
    if (rules.length === 0) problems.push(required('rules', 'loaded illegal policy with 0 rules'));
    return { rules, omitStages, omitManagedFields: fields.flag('omitManagedFields', false) };
  },
} as const;

function readRule(fields: Fields): AuditRule {
  const nonResourceURLs = fields.texts('nonResourceURLs');
  const rule: AuditRule = {
    level: readLevel(fields),
    users: fields.texts('users'),
    userGroups: fields.texts('userGroups'),
    verbs: fields.texts('verbs'),
    nonResourceURLs,
    resources: fields
      .children('resources', ['group', 'resources', 'resourceNames'])
      .map((one) => readResources(one, fields)),
    namespaces: fields.texts('namespaces'),
    omitStages: readStages(fields),
    ...(fields.has('omitManagedFields') ? { omitManagedFields: fields.flag('omitManagedFields', false) } : {}),
  };
  const at = fields.path('nonResourceURLs');
  nonResourceURLs.forEach((url, i) => {
    if (url === '*') return;
    if (!url.startsWith('/'))
      fields.problem(invalid(`${at}[${i}]`, url, "non-resource URL rules must begin with a '/' character"));
    if (url.slice(0, -1).includes('*'))
      fields.problem(
        invalid(`${at}[${i}]`, url, "non-resource URL wildcards '*' must be the final character of the rule"),
      );
  });
  if (nonResourceURLs.length > 0 && (rule.resources.length > 0 || rule.namespaces.length > 0))
    fields.problem(invalid(at, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
  return rule;
}

function readLevel(fields: Fields): AuditLevel {
  const level = fields.text('level');
  const path = fields.path('level');
  if (level === '') fields.problem(required(path));
  else if (!auditLevels.includes(level as AuditLevel)) fields.problem(notSupported(path, level, auditLevels));
  return level as AuditLevel;
}

/** Upstream's paths name neither which of the resources it is. */
function readResources(fields: Fields, rule: Fields): AuditResources {
  const group = fields.text('group');
  const resources = fields.texts('resources');
  const resourceNames = fields.texts('resourceNames');
  const wrong = group === '' ? [] : isDns1123Subdomain(group);
  const at = rule.path('resources');
  if (wrong.length > 0) rule.problem(invalid(`${at}.group`, group, wrong.join(',')));
  if (resourceNames.length > 0 && resources.length === 0)
    rule.problem(invalid(`${at}.resourceNames`, resourceNames, 'using resourceNames requires at least one resource'));
  return { group, resources, resourceNames };
}

function readStages(fields: Fields): AuditStage[] {
  const stages = fields.texts('omitStages') as AuditStage[];
  stages.forEach((stage, i) => {
    if (!auditStages.includes(stage))
      fields.problem(
        invalid(`${fields.path('omitStages')}[${i}]`, stage, `allowed stages are ${auditStages.join(',')}`),
      );
  });
  return stages;
}
