// The rule that would have to exist for a refused request to be allowed, as one line for a shell: a role of that one rule and a
// binding of it, in the request's namespace, or for the cluster. Names are anybody's: whatever kubectl's flags cannot say
// plainly goes through `kubectl apply` as JSON, in which nothing but ASCII is left as it is.
//
//   kubectl create role allow-jane-list-pods-1x -n shop --verb=list --resource=pods && kubectl create rolebinding … --user=jane
//   printf %s '{"apiVersion":"v1","kind":"List","items":[…]}' | kubectl apply -f -

import { isDns1123Label, isDns1123Subdomain } from './names.ts';
import type { Asked, WrittenRule } from './policy-rules.ts';

/** A question whose answer was no. */
export interface Refused extends Asked {
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  /** '': of the cluster. */
  readonly namespace: string;
}

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;

/** What kubectl knows as verbs of any resource; others it checks in its own way. */
const commonVerbs = new Set(['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']);

/** Undefined: no rule allows this without allowing more. */
function ruleFor(asked: Asked): WrittenRule | undefined {
  const { verb, group, resource, subresource, name, path } = asked;
  if (!asked.isResource) return path.endsWith('*') ? undefined : { verbs: [verb], nonResourceURLs: [path] };
  if (verb === '' || resource === '') return undefined;
  return {
    verbs: [verb],
    apiGroups: [group],
    resources: [subresource === '' ? resource : `${resource}/${subresource}`],
    ...(name === '' ? {} : { resourceNames: [name] }),
  };
}

/**
 * The line; undefined where there is none. `served`: whether the API server knows the resource, so that kubectl's flags can
 * name it.
 */
export function allowingLine(refused: Refused, served = true): string | undefined {
  const rule = ruleFor(refused);
  const subject = subjectOf(refused.user);
  if (!rule || !subject) return undefined;
  const { namespace } = refused;
  const name = nameFor(refused, rule);
  return served && isPlain(refused, rule, subject)
    ? flags(name, namespace, rule, subject)
    : `printf %s ${quoted(ascii(JSON.stringify(objects(name, namespace, rule, subject))))} | kubectl apply -f -`;
}

interface Subject {
  kind: 'User' | 'Group' | 'ServiceAccount';
  name: string;
  namespace?: string;
}

function subjectOf({ name, groups }: Refused['user']): Subject | undefined {
  const [, namespace = '', account = ''] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name) ?? [];
  if (account !== '' && isDns1123Label(namespace).length === 0 && isDns1123Subdomain(account).length === 0)
    return { kind: 'ServiceAccount', name: account, namespace };
  if (name !== '') return { kind: 'User', name };
  return groups[0] ? { kind: 'Group', name: groups[0] } : undefined;
}

/** Whether the flags of `kubectl create` say it: those for verbs, resources and URLs take lists with commas. */
function isPlain({ group: apiGroup, resource, subresource, namespace }: Refused, rule: WrittenRule, subject: Subject) {
  const { verbs, resourceNames = [], nonResourceURLs } = rule;
  const texts = [...resourceNames, subject.name, namespace];
  if (!texts.every((text) => /^[ -~]*$/.test(text)) || !commonVerbs.has(verbs[0] as string)) return false;
  if (nonResourceURLs) return nonResourceURLs.every((url) => /^\/[^*,"\s]*$/.test(url) && /^[ -~]*$/.test(url));
  return /^[a-z0-9-]+$/.test(resource) && /^[a-z0-9.-]*$/.test(apiGroup) && /^[a-z0-9-]*$/.test(subresource);
}

function flags(name: string, namespace: string, rule: WrittenRule, subject: Subject): string {
  const kind = namespace === '' ? 'clusterrole' : 'role';
  const place = namespace === '' ? [] : ['-n', namespace];
  const { verbs, apiGroups: [apiGroup] = [''], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const named = (resource: string): string => {
    const [plural = '', ...subresource] = resource.split('/');
    return [apiGroup === '' ? plural : `${plural}.${apiGroup}`, ...subresource].join('/');
  };
  const role = [
    ...['kubectl', 'create', kind, name, ...place, `--verb=${verbs.join(',')}`],
    ...resources.map((resource) => `--resource=${named(resource)}`),
    ...resourceNames.map((one) => `--resource-name=${one}`),
    ...nonResourceURLs.map((url) => `--non-resource-url=${url}`),
  ];
  const whom =
    subject.kind === 'ServiceAccount'
      ? `--serviceaccount=${subject.namespace}:${subject.name}`
      : `--${subject.kind.toLowerCase()}=${subject.name}`;
  const binding = ['kubectl', 'create', `${kind}binding`, name, ...place, `--${kind}=${name}`, whom];
  return [role, binding].map((words) => words.map(quoted).join(' ')).join(' && ');
}

function objects(name: string, namespace: string, rule: WrittenRule, { kind, ...subject }: Subject): object {
  const prefix = namespace === '' ? 'Cluster' : '';
  const metadata = { name, ...(namespace === '' ? {} : { namespace }) };
  const roleRef = { apiGroup: group, kind: `${prefix}Role`, name };
  const apiGroup = kind === 'ServiceAccount' ? {} : { apiGroup: group };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion, kind: `${prefix}Role`, metadata, rules: [rule] },
      { apiVersion, kind: `${prefix}RoleBinding`, metadata, roleRef, subjects: [{ kind, ...subject, ...apiGroup }] },
    ],
  };
}

/** One that says what it is for, and is that question's alone: nobody's role is overwritten. */
function nameFor({ user, namespace }: Refused, rule: WrittenRule): string {
  const { verbs, resources = [], nonResourceURLs = [] } = rule;
  const who = user.name.split(/[:@]/).filter((part) => part !== '');
  const parts = [
    (user.name.includes('@') ? who[0] : who.at(-1)) ?? 'group',
    ...verbs,
    ...resources,
    ...nonResourceURLs,
  ];
  const words = parts.map((part) =>
    part
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 30),
  );
  const all = JSON.stringify([user.name, user.name === '' ? user.groups[0] : '', namespace, rule]);
  return ['allow', ...words.filter((word) => word !== ''), hash(all)].join('-');
}

/** FNV-1a: tells names apart, nothing more. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(36);
}

/** As a word of a POSIX shell. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** JSON in which nothing looks like something else, turns a line around or ends it. */
const ascii = (json: string): string =>
  json.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
