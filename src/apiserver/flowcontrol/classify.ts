// Which flow schema a request belongs to: the first in order of precedence, then of name, one of whose rules has the
// requester among its subjects and the request among what it is about. Which schemas are about a user at all is
// remembered per user, so that a request only looks at a few rules.
import type {
  FlowSchemaSpec,
  NonResourcePolicyRule,
  ResourcePolicyRule,
  Subject,
} from '../../generated/schemas/flowcontrol-v1.ts';
import type { User } from '../core.ts';
import type { RequestInfo } from '../routing.ts';

/** What a rule is matched against. */
export type Target = Pick<
  RequestInfo,
  'isResource' | 'path' | 'verb' | 'group' | 'resource' | 'subresource' | 'namespace'
>;

export interface Schema {
  readonly name: string;
  readonly spec: FlowSchemaSpec;
}

interface Rules {
  resource: readonly ResourcePolicyRule[];
  nonResource: readonly NonResourcePolicyRule[];
}

interface Candidate<S> {
  schema: S;
  /** Of its rules, those with this user among their subjects. */
  rules: Rules;
}

const rememberedMax = 5_000;

export class Classifier<S extends Schema> {
  readonly #schemas: readonly S[];
  readonly #remembered = new Map<string, Candidate<S>[]>();

  constructor(schemas: readonly S[]) {
    this.#schemas = [...schemas].sort(byPrecedence);
  }

  /** Undefined: none matches. */
  classify(user: Pick<User, 'name' | 'groups'>, target: Target): S | undefined {
    for (const { schema, rules } of this.#candidates(user)) if (matches(rules, target)) return schema;
    return undefined;
  }

  #candidates(user: Pick<User, 'name' | 'groups'>): Candidate<S>[] {
    const key = `${user.name}\n${user.groups.join('\n')}`;
    const known = this.#remembered.get(key);
    if (known) return known;
    const found: Candidate<S>[] = [];
    for (const schema of this.#schemas) {
      const own = (schema.spec.rules ?? []).filter(({ subjects }) => subjects?.some((one) => isAbout(one, user)));
      if (own.length === 0) continue;
      found.push({
        schema,
        rules: {
          resource: own.flatMap(({ resourceRules }) => resourceRules ?? []),
          nonResource: own.flatMap(({ nonResourceRules }) => nonResourceRules ?? []),
        },
      });
    }
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(key, found);
    return found;
  }
}

export function byPrecedence(a: Schema, b: Schema): number {
  const difference = (a.spec.matchingPrecedence ?? 0) - (b.spec.matchingPrecedence ?? 0);
  return difference !== 0 ? difference : a.name < b.name ? -1 : Number(a.name > b.name);
}

function isAbout({ kind, user, group, serviceAccount }: Subject, who: Pick<User, 'name' | 'groups'>): boolean {
  switch (kind) {
    case 'User':
      return user !== undefined && (user.name === '*' || user.name === who.name);
    case 'Group':
      return group !== undefined && (group.name === '*' || who.groups.includes(group.name));
    case 'ServiceAccount': {
      if (!serviceAccount) return false;
      const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
      return serviceAccount.name === '*' ? who.name.startsWith(prefix) : who.name === prefix + serviceAccount.name;
    }
    default:
      return false;
  }
}

function matches(rules: Rules, target: Target): boolean {
  if (!target.isResource) return rules.nonResource.some((rule) => matchesPath(rule, target));
  const what = target.subresource === '' ? target.resource : `${target.resource}/${target.subresource}`;
  return rules.resource.some(
    (rule) =>
      has(rule.verbs, target.verb) &&
      has(rule.resources, what) &&
      has(rule.apiGroups, target.group) &&
      (target.namespace === '' ? rule.clusterScope === true : has(rule.namespaces, target.namespace)),
  );
}

function matchesPath(rule: NonResourcePolicyRule, { verb, path }: Target): boolean {
  return (
    has(rule.verbs, verb) &&
    (rule.nonResourceURLs ?? []).some((url) => {
      if (url === '*' || url === path) return true;
      // `/a`, `/a/` and `/a/*` all stand for what is below `/a/`.
      const prefix = url.endsWith('*') ? url.slice(0, -1) : url;
      return path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
    })
  );
}

/** A wildcard stands alone. */
function has(list: readonly string[] | undefined, wanted: string): boolean {
  if (!list) return false;
  return (list.length === 1 && list[0] === '*') || list.includes(wanted);
}
