// Rules of RBAC (rbac/v1 PolicyRule): what they allow, and what they hold that others do not. Pure; knows neither roles nor
// users. Where a list is missing it is empty, and an empty list is no wildcard, but for resource names.

import { goQuoted } from './errors.ts';

type Texts = readonly string[] | undefined;

export interface Rule {
  readonly verbs?: Texts;
  readonly apiGroups?: Texts;
  readonly resources?: Texts;
  readonly resourceNames?: Texts;
  readonly nonResourceURLs?: Texts;
}

/** A rule as it is written. */
export interface WrittenRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

/** What somebody asks leave for. */
export interface Asked {
  /** Otherwise only `verb` and `path` say anything. */
  readonly isResource: boolean;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty: of all, or of none yet. */
  readonly name: string;
  readonly path: string;
}

/** Whether the rule has it, in so many words or by a wildcard. */
export function allows(rule: Rule, asked: Asked): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if (!asked.isResource) return hasUrl(rule.nonResourceURLs, asked.path);
  const { resource, subresource, name } = asked;
  return (
    has(rule.apiGroups, asked.group) &&
    hasResource(rule.resources, resource, subresource) &&
    (!rule.resourceNames?.length || includes(rule.resourceNames, name))
  );
}

/** Lists as sets, of those that are long; no list is changed once it has been looked through. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>();
const longMin = 32;

function includes(list: Texts, value: string): boolean {
  if (list === undefined || list.length < longMin) return list?.includes(value) === true;
  const set = sets.get(list) ?? new Set(list);
  sets.set(list, set);
  return set.has(value);
}

const has = (list: Texts, value: string): boolean => includes(list, value) || includes(list, '*');

/** `*` is every resource and subresource, `*` followed by `/scale` that subresource of every resource. */
function hasResource(list: Texts, resource: string, subresource: string): boolean {
  if (subresource === '') return has(list, resource);
  return has(list, `${resource}/${subresource}`) || includes(list, `*/${subresource}`);
}

/** Stars are wildcards at the end only; several are as good as one. */
function hasUrl(list: Texts, url: string): boolean {
  for (const one of list ?? [])
    if (one === url || (one.endsWith('*') && url.startsWith(withoutStars(one)))) return true;
  return false;
}

function withoutStars(url: string): string {
  let end = url.length;
  while (url[end - 1] === '*') end--;
  return url.slice(0, end);
}

/** A rule as rules about one verb of one thing each, in upstream's order. */
function* breakdown(rule: Rule): Generator<WrittenRule> {
  const { verbs = [], resourceNames } = rule;
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of verbs)
        for (const name of resourceNames?.length ? resourceNames : [undefined])
          yield {
            apiGroups: [group],
            resources: [resource],
            ...(name === undefined ? {} : { resourceNames: [name] }),
            verbs: [verb],
          };
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of verbs) yield { nonResourceURLs: [url], verbs: [verb] };
}

const coversAll = (list: Texts, wanted: Texts, covers: (list: Texts, one: string) => boolean): boolean =>
  (wanted ?? []).every((one) => covers(list, one));

/** A rule's resources, wildcards in which are texts like any other. */
function coversResource(list: Texts, resource: string): boolean {
  const slash = resource.indexOf('/');
  return has(list, resource) || (slash >= 0 && includes(list, `*${resource.slice(slash)}`));
}

/** Whether `rule` allows all that `wanted` allows, as far as one rule by itself can tell. */
function covers(rule: Rule, wanted: Rule): boolean {
  return (
    coversAll(rule.verbs, wanted.verbs, has) &&
    coversAll(rule.apiGroups, wanted.apiGroups, has) &&
    coversAll(rule.resources, wanted.resources, coversResource) &&
    coversAll(rule.nonResourceURLs, wanted.nonResourceURLs, (list, url) => hasUrl(list, url)) &&
    (!rule.resourceNames?.length ||
      (wanted.resourceNames?.length ? wanted.resourceNames.every((name) => includes(rule.resourceNames, name)) : false))
  );
}

/** Of comparisons of two rules. A rule of a thousand verbs, groups and resources is a thousand million small ones. */
const comparisonsMax = 500_000;
/** More than anybody reads. */
const missingMax = 2000;

/**
 * What `wanted` allows and `rules` do not: verb by verb, but whole rules when it would take too long to tell. Not all of it
 * where that is very much; nothing only where there is nothing.
 */
export function uncovered(wanted: readonly Rule[], rules: readonly Rule[]): WrittenRule[] {
  const missing: WrittenRule[] = [];
  // Paths have prefixes: they are compared with each.
  const urls = rules.reduce((sum, rule) => sum + (rule.nonResourceURLs?.length ?? 0), 0);
  let left = comparisonsMax;
  for (const rule of wanted) {
    const paths = rule.nonResourceURLs?.length ?? 0;
    left -= rules.length + paths * urls;
    if (left >= 0 && rules.some((one) => covers(one, rule))) continue;
    for (const one of breakdown(rule)) {
      left -= rules.length + (one.nonResourceURLs ? urls : 0) + 1;
      if (left < 0) break;
      if (!rules.some((other) => covers(other, one))) missing.push(one);
      if (missing.length === missingMax) return missing;
    }
    if (left < 0) missing.push(copyOf(rule));
  }
  return missing;
}

function copyOf(rule: Rule): WrittenRule {
  const entries = Object.entries(rule).filter(([, list]) => Array.isArray(list) && list.length > 0);
  return { verbs: [], ...Object.fromEntries(entries.map(([field, list]) => [field, [...list]])) };
}

/** Rules about one verb of one resource each, with the verbs of each resource together. */
export function compacted(rules: readonly WrittenRule[]): WrittenRule[] {
  const out: WrittenRule[] = [];
  const simple = new Map<string, WrittenRule>();
  for (const rule of rules) {
    const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    if (apiGroups.length !== 1 || resources.length !== 1 || resourceNames.length > 1 || nonResourceURLs.length > 0) {
      out.push(rule);
      continue;
    }
    const key = JSON.stringify([apiGroups, resources, resourceNames]);
    const known = simple.get(key);
    if (known) known.verbs.push(...verbs);
    else simple.set(key, { ...rule, verbs: [...verbs] });
  }
  return [...out, ...simple.values()];
}

const fields = [
  ['APIGroups', 'apiGroups'],
  ['Resources', 'resources'],
  ['NonResourceURLs', 'nonResourceURLs'],
  ['ResourceNames', 'resourceNames'],
  ['Verbs', 'verbs'],
] as const;

/** As upstream shows a rule: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. */
export function ruleText(rule: Rule): string {
  const parts = fields.flatMap(([title, field]) =>
    rule[field]?.length ? [`${title}:[${rule[field].map(goQuoted).join(' ')}]`] : [],
  );
  return `{${parts.join(', ')}}`;
}
