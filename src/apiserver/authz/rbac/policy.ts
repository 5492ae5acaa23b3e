// Who holds which role: the RBAC objects of the ledger, in memory, by subject and namespace, so that a decision looks only at
// what concerns its user. It follows the ledger in the turn of each commit: what is revoked is gone with the answer to who
// revoked it. Built when it is first asked; whatever is stored, nothing here throws.
//
// Worked example: RoleBinding shop/ci of ClusterRole edit to ServiceAccount tools:ci is
//   bindings  'rolebindings.rbac.authorization.k8s.io/shop/ci' → the binding, roleKey 'clusterroles.rbac…/edit'
//   holders   'User system:serviceaccount:tools:ci' → { 'shop' → { the binding } }
//   roles     'clusterroles.rbac.authorization.k8s.io/edit' → its rules
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../generated/schemas/index.ts';
import type { Change, KeyRange, Ledger } from '../../../ledger/types.ts';
import { goQuoted } from '../../../machinery/errors.ts';
import { groupResource } from '../../../machinery/meta.ts';
import type { Rule } from '../../../machinery/policy-rules.ts';
import type { User } from '../../core.ts';
import { keyParts } from '../../storage/codec.ts';

/** Someone whom a binding names. */
interface Subject {
  /** As upstream tells of it: `ServiceAccount "ci/tools"`. */
  readonly text: string;
  readonly index: number;
}

export interface Binding {
  /** `ClusterRoleBinding "x"`, `RoleBinding "x/namespace"`. */
  readonly title: string;
  /** '': it holds everywhere. */
  readonly namespace: string;
  readonly role: { readonly kind: string; readonly name: string };
  /** Undefined: no kind of role. */
  readonly roleKey: string | undefined;
  /** By {@link holdersOf}: `User jane`, `Group system:masters`. */
  readonly subjects: ReadonlyMap<string, Subject>;
}

/** What a binding gives, or why nothing. */
export type Given = { readonly rules: readonly Rule[] } | { readonly error: string };

const prefixes = {
  role: groupResource(roles),
  clusterRole: groupResource(clusterRoles),
  roleBinding: groupResource(roleBindings),
  clusterRoleBinding: groupResource(clusterRoleBindings),
};
const kindOf: ReadonlyMap<string, 'role' | 'binding'> = new Map([
  [prefixes.role, 'role'],
  [prefixes.clusterRole, 'role'],
  [prefixes.roleBinding, 'binding'],
  [prefixes.clusterRoleBinding, 'binding'],
]);

const pageBytes = 1024 * 1024;

export class Policy {
  readonly #ledger: Ledger;
  #index: Index | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    ledger.subscribe((changes) => this.#follow(changes));
  }

  /** Each binding that concerns the user in the namespace ('': none), cluster-wide ones first, until `visit` answers true. */
  visit(user: User, namespace: string, visit: (binding: Binding, given: Given) => boolean): void {
    this.#index ??= this.#read();
    this.#index.visit(user, namespace, visit);
  }

  #read(): Index {
    const index = new Index();
    for (const prefix of Object.values(prefixes))
      for (const { key, value } of everything(this.#ledger, { start: `${prefix}/`, end: `${prefix}0` }))
        index.put(key, value);
    return index;
  }

  #follow(changes: readonly Change[]): void {
    const index = this.#index;
    if (!index) return;
    try {
      for (const { type, key, value } of changes) {
        if (!kindOf.has(key.slice(0, key.indexOf('/')))) continue;
        if (type === 'put') index.put(key, value);
        else index.delete(key);
      }
    } catch {
      // What may be wrong is not used: it is read anew.
      this.#index = undefined;
    }
  }
}

/** Page by page: together they may be more than there is memory. */
function* everything(ledger: Ledger, range: KeyRange) {
  for (let after: string | undefined, more = true; more; ) {
    const page = ledger.range({
      ...range,
      ...(after === undefined ? {} : { after }),
      limit: 1000,
      bytesMax: pageBytes,
    });
    yield* page.entries;
    after = page.entries.at(-1)?.key;
    more = page.more && after !== undefined;
  }
}

class Index {
  readonly #roles = new Map<string, readonly Rule[]>();
  readonly #bindings = new Map<string, Binding>();
  /** By holder, then by namespace. */
  readonly #held = new Map<string, Map<string, Set<Binding>>>();

  put(key: string, value: string): void {
    const { resource, namespace, name } = keyParts(key);
    if (kindOf.get(resource) === 'role') {
      this.#roles.set(key, rulesIn(parsed(value)));
      return;
    }
    this.delete(key);
    const binding = bindingOf(parsed(value), namespace, name);
    this.#bindings.set(key, binding);
    for (const holder of binding.subjects.keys()) {
      const places = this.#held.get(holder) ?? new Map<string, Set<Binding>>();
      const bindings = places.get(namespace) ?? new Set();
      this.#held.set(holder, places.set(namespace, bindings.add(binding)));
    }
  }

  delete(key: string): void {
    this.#roles.delete(key);
    const binding = this.#bindings.get(key);
    if (!binding) return;
    this.#bindings.delete(key);
    for (const holder of binding.subjects.keys()) {
      const places = this.#held.get(holder);
      const bindings = places?.get(binding.namespace);
      bindings?.delete(binding);
      if (bindings?.size === 0) places?.delete(binding.namespace);
      if (places?.size === 0) this.#held.delete(holder);
    }
  }

  visit(user: User, namespace: string, visit: (binding: Binding, given: Given) => boolean): void {
    const places = holdersOf(user).flatMap((holder) => this.#held.get(holder) ?? []);
    for (const place of namespace === '' ? [''] : ['', namespace]) {
      const found = places.flatMap((one) => one.get(place) ?? []);
      // A binding that names the user and a group of theirs is one binding.
      const seen = found.length > 1 ? new Set<Binding>() : undefined;
      for (const bindings of found)
        for (const binding of bindings) {
          if (seen?.has(binding)) continue;
          seen?.add(binding);
          if (visit(binding, this.#given(binding))) return;
        }
    }
  }

  #given({ role, roleKey }: Binding): Given {
    if (roleKey === undefined) return { error: `unsupported role reference kind: ${goQuoted(role.kind)}` };
    const rules = this.#roles.get(roleKey);
    return rules ? { rules } : { error: `${role.kind.toLowerCase()}.${roles.group} ${goQuoted(role.name)} not found` };
  }
}

/** What a user is to bindings: their name, and each of their groups. */
export const holdersOf = ({ name, groups }: User): string[] => [
  `User ${name}`,
  ...groups.map((group) => `Group ${group}`),
];

/** A stored value's object, of which nothing is certain. */
function parsed(value: string): Record<string, unknown> {
  try {
    return objectIn(JSON.parse(`{${value}`));
  } catch {
    return {};
  }
}

const objectIn = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');
const listIn = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const textsIn = (value: unknown): string[] => listIn(value).filter((one) => typeof one === 'string');

const rulesIn = ({ rules }: Record<string, unknown>): Rule[] =>
  listIn(rules).map((one) => {
    const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = objectIn(one);
    return {
      verbs: textsIn(verbs),
      apiGroups: textsIn(apiGroups),
      resources: textsIn(resources),
      resourceNames: textsIn(resourceNames),
      nonResourceURLs: textsIn(nonResourceURLs),
    };
  });

function bindingOf(object: Record<string, unknown>, namespace: string, name: string): Binding {
  const roleRef = objectIn(object.roleRef);
  const role = { kind: textIn(roleRef.kind), name: textIn(roleRef.name) };
  return {
    title:
      namespace === '' ? `ClusterRoleBinding ${goQuoted(name)}` : `RoleBinding ${goQuoted(`${name}/${namespace}`)}`,
    namespace,
    role,
    roleKey:
      role.kind === 'ClusterRole'
        ? `${prefixes.clusterRole}/${role.name}`
        : role.kind === 'Role'
          ? `${prefixes.role}/${namespace}/${role.name}`
          : undefined,
    subjects: subjectsIn(object.subjects, namespace),
  };
}

/** Whoever is named twice is the first. */
function subjectsIn(list: unknown, bindingNamespace: string): Map<string, Subject> {
  const subjects = new Map<string, Subject>();
  for (const [index, one] of listIn(list).entries()) {
    const [holder, text] = subjectOf(objectIn(one), bindingNamespace) ?? [];
    if (holder !== undefined && text !== undefined && !subjects.has(holder)) subjects.set(holder, { text, index });
  }
  return subjects;
}

/** Holder and text; undefined: nobody. A ServiceAccount is one of the binding's namespace unless it names another. */
function subjectOf(subject: Record<string, unknown>, bindingNamespace: string): [string, string] | undefined {
  const { kind } = subject;
  const name = textIn(subject.name);
  switch (kind) {
    case 'User':
    case 'Group':
      return [`${kind} ${name}`, `${kind} ${goQuoted(name)}`];
    case 'ServiceAccount': {
      const namespace = textIn(subject.namespace) || bindingNamespace;
      if (namespace === '') return undefined;
      return [`User system:serviceaccount:${namespace}:${name}`, `${kind} ${goQuoted(`${name}/${namespace}`)}`];
    }
    default:
      return undefined;
  }
}
