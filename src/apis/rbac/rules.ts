// A compact notation of policy rules. A line is a rule:
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
