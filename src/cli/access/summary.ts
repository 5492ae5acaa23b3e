// Policy rules in words that fit into a line: `read pods, services; create deployments.apps`. For people, not for decisions.
import type { PolicyRule } from '../../generated/schemas/rbac-v1.ts';

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete'];

/** What rules allow together, one phrase for each set of verbs; at most `thingsMax` things in a phrase. */
export function summary(rules: readonly PolicyRule[], thingsMax: number): string {
  // Several rules may speak of one thing, a verb each.
  const verbsOf = new Map<string, Set<string>>();
  for (const rule of rules) {
    if (isEverything(rule)) return 'everything';
    for (const thing of thingsOf(rule)) {
      const verbs = verbsOf.get(thing) ?? new Set();
      verbsOf.set(thing, verbs);
      for (const verb of rule.verbs ?? []) verbs.add(verb);
    }
  }
  const things = new Map<string, string[]>();
  for (const [thing, verbs] of verbsOf) {
    const words = verbsInWords([...verbs]);
    things.set(words, [...(things.get(words) ?? []), thing]);
  }
  return [...things].map(([verbs, of]) => `${verbs} ${listed(of.sort(), thingsMax)}`).join('; ') || 'nothing';
}

const has = (list: readonly string[] | null | undefined, one: string): boolean => list?.includes(one) === true;

function isEverything({ verbs, apiGroups, resources, resourceNames }: PolicyRule): boolean {
  return has(verbs, '*') && has(apiGroups, '*') && has(resources, '*') && !resourceNames?.length;
}

function verbsInWords(verbs: readonly string[]): string {
  if (verbs.includes('*')) return 'do anything with';
  const reads = read.every((verb) => verbs.includes(verb));
  const writes = write.every((verb) => verbs.includes(verb));
  const covered = new Set([...(reads ? read : []), ...(writes ? [...write, 'deletecollection'] : [])]);
  return [
    ...(reads ? ['read'] : []),
    ...(writes ? ['write'] : []),
    ...verbs.filter((verb) => !covered.has(verb)).sort(),
  ].join(', ');
}

function thingsOf({ apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string[] {
  const names = resourceNames?.length ? ` ${resourceNames.join('|')}` : '';
  const things = (resources ?? []).flatMap((resource) =>
    (apiGroups ?? []).map((group) => `${qualified(resource, group)}${names}`),
  );
  return [...things, ...(nonResourceURLs ?? [])];
}

/** `deployments.apps`, `deployments.apps/scale`. */
function qualified(resource: string, group: string): string {
  if (group === '') return resource;
  const [plural, ...subresource] = resource.split('/');
  return [`${plural}.${group}`, ...subresource].join('/');
}

function listed(things: readonly string[], thingsMax: number): string {
  const rest = things.length - thingsMax;
  if (rest <= 1) return things.join(', ');
  return `${things.slice(0, thingsMax).join(', ')} and ${rest} more`;
}
