// What of a request is audited: the first rule that matches says so; without any, nothing is.
import type { AuditLevel, AuditPolicy, AuditResources, AuditRule, AuditStage } from '../../configuration/audit.ts';
import type { User } from '../core.ts';
import type { RequestInfo } from '../routing.ts';

export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

/** `user`: who sends the request, in whosever name; undefined: nobody knows. */
export type PolicyEvaluator = (info: RequestInfo, user: User | undefined) => AuditDecision;

export function policyEvaluator({ rules, omitStages, omitManagedFields }: AuditPolicy): PolicyEvaluator {
  const decided = rules.map((rule) => ({
    rule,
    decision: {
      level: rule.level,
      omitStages: new Set([...omitStages, ...rule.omitStages]),
      omitManagedFields: rule.omitManagedFields ?? omitManagedFields,
    },
  }));
  const otherwise: AuditDecision = { level: 'None', omitStages: new Set(omitStages), omitManagedFields };
  return (info, user) => decided.find(({ rule }) => matches(rule, info, user))?.decision ?? otherwise;
}

const matchesAny = (wanted: readonly string[], value: string | undefined): boolean =>
  wanted.length === 0 || (value !== undefined && wanted.includes(value));

function matches(rule: AuditRule, info: RequestInfo, user: User | undefined): boolean {
  if (!matchesAny(rule.users, user?.name) || !matchesAny(rule.verbs, info.verb)) return false;
  if (rule.userGroups.length > 0 && !user?.groups.some((group) => rule.userGroups.includes(group))) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0)
    return (
      info.isResource &&
      matchesAny(rule.namespaces, info.namespace) &&
      (rule.resources.length === 0 || rule.resources.some((resources) => holds(resources, info)))
    );
  if (rule.nonResourceURLs.length === 0) return true;
  return !info.isResource && rule.nonResourceURLs.some((url) => isPath(url, info.path));
}

function holds({ group, resources, resourceNames }: AuditResources, info: RequestInfo): boolean {
  if (group !== info.group) return false;
  if (resources.length === 0) return true;
  if (!matchesAny(resourceNames, info.name)) return false;
  const { resource, subresource } = info;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some(
    (wanted) =>
      wanted === '*' ||
      wanted === combined ||
      wanted === `${resource}/*` ||
      (subresource !== '' && wanted === `*/${subresource}`),
  );
}

const isPath = (url: string, path: string): boolean =>
  url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')));
