// A compact notation of policy rules, and whether rules cover others. A line is a rule:
//   `get,list core,apps: pods deployments = a b`   verbs, API groups, resources and, after `=`, resource names
//   `get /healthz /livez`                          verbs and non-resource URLs
// Verbs that stand together often have a name of their own; `a|b` is a rule for each verb.
import type { PolicyRule } from '../../generated/schemas/rbac-v1.ts';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const manage = [...read, ...write].sort();
const named: Readonly<Record<string, readonly string[]>> = { read, write, manage };
/** Writing Events, old and new. */
const record: PolicyRule = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
};

/** The rules of a text of such lines. */
export function parseRules(text: string): PolicyRule[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap(parseLine);
}

function parseLine(line: string): PolicyRule[] {
  if (line === 'record') return [record];
  const [verbs = '', ...subject] = line.split(' ');
  const about = parseSubject(subject);
  return verbsOf(verbs).map((together) => ({ ...about, verbs: [...together] }));
}

function verbsOf(text: string): (readonly string[])[] {
  const each = /^each-(.*)$/.exec(text);
  if (each) return (named[each[1] as string] ?? []).map((verb) => [verb]);
  if (text.includes('|')) return text.split('|').map((verb) => [verb]);
  return [named[text] ?? text.split(',')];
}

function parseSubject([first = '', ...rest]: string[]): Omit<PolicyRule, 'verbs'> {
  if (!first.endsWith(':')) return { nonResourceURLs: [first, ...rest] };
  const equals = rest.indexOf('=');
  return {
    apiGroups: first
      .slice(0, -1)
      .split(',')
      .map((group) => (group === 'core' ? '' : group)),
    resources: equals < 0 ? rest : rest.slice(0, equals),
    ...(equals < 0 ? {} : { resourceNames: rest.slice(equals + 1) }),
  };
}

/** A rule as rules about one verb of one thing each. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const verb of rule.verbs ?? []) {
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? [])
        for (const name of rule.resourceNames?.length ? rule.resourceNames : [undefined])
          out.push({
            apiGroups: [group],
            resources: [resource],
            ...(name === undefined ? {} : { resourceNames: [name] }),
            verbs: [verb],
          });
    for (const url of rule.nonResourceURLs ?? []) out.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return out;
}

const has = (list: readonly string[] | undefined, value: string | undefined): boolean =>
  value === undefined || list?.includes('*') === true || list?.includes(value) === true;

function hasResource(rule: PolicyRule, resource: string | undefined): boolean {
  if (has(rule.resources, resource)) return true;
  const slash = resource?.indexOf('/') ?? -1;
  return slash >= 0 && rule.resources?.includes(`*${resource?.slice(slash)}`) === true;
}

function hasUrl(rule: PolicyRule, url: string): boolean {
  return (rule.nonResourceURLs ?? []).some(
    (one) => one === '*' || one === url || (one.endsWith('*') && url.startsWith(one.slice(0, -1))),
  );
}

/** Of a rule about one thing: whether `rule` says as much. */
function covers(rule: PolicyRule, one: PolicyRule): boolean {
  if (!has(rule.verbs, one.verbs[0])) return false;
  const url = one.nonResourceURLs?.[0];
  if (url !== undefined) return hasUrl(rule, url);
  if (!has(rule.apiGroups, one.apiGroups?.[0]) || !hasResource(rule, one.resources?.[0])) return false;
  if (!rule.resourceNames?.length) return true;
  const name = one.resourceNames?.[0];
  return name !== undefined && rule.resourceNames.includes(name);
}

/** What `wanted` allows and `rules` do not, verb by verb. */
export function uncovered(wanted: readonly PolicyRule[], rules: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakdown).filter((one) => !rules.some((rule) => covers(rule, one)));
}
