// Putting a configuration into an object, and taking fields out of one. Neither changes its arguments; what they return
// shares with them what they did not change.
import { isJsonObject, setOwn } from '../schema/json.ts';
import { fieldElement } from './element.ts';
import { child, type Fields, isEmpty, node, self } from './fields.ts';
import { itemElement, type ListShape, type MapShape, type Shape } from './shape.ts';

type Json = Record<string, unknown>;

const own = (map: Json | undefined, name: string): unknown => (map && Object.hasOwn(map, name) ? map[name] : undefined);

/**
 * `live` with everything that `config` mentions in its place. Lists keep the order of `config` where it says something of
 * them, and elements of `live` alone stay beside their neighbours.
 */
export function merge(shape: MapShape, live: Json, config: Json): Json {
  return (mergeMaps(shape, live, config) as Json | undefined) ?? {};
}

function mergeValues(shape: Shape, live: unknown, config: unknown): unknown {
  const later = config === undefined ? live : config;
  if (shape.kind === 'leaf' || shape.atomic) return later;
  if (shape.kind === 'map') {
    const left = isJsonObject(live) ? live : undefined;
    const right = isJsonObject(config) ? config : undefined;
    const blank = (map: Json | undefined) => !map || Object.keys(map).length === 0;
    return blank(left) && blank(right) ? later : mergeMaps(shape, left, right);
  }
  const left = Array.isArray(live) ? live : [];
  const right = Array.isArray(config) ? config : [];
  return left.length === 0 && right.length === 0 ? later : mergeLists(shape, left, right);
}

function mergeMaps(shape: MapShape, live: Json | undefined, config: Json | undefined): unknown {
  const out: Json = {};
  const take = (name: string): void => {
    const type = shape.fields.get(name)?.shape ?? shape.item;
    if (!type) return;
    const value = mergeValues(type, own(live, name), own(config, name));
    if (value !== undefined) setOwn(out, name, value);
  };
  for (const name of Object.keys(live ?? {})) take(name);
  for (const name of Object.keys(config ?? {})) if (!live || !Object.hasOwn(live, name)) take(name);
  return Object.keys(out).length > 0 ? out : undefined;
}

function mergeLists(shape: ListShape, live: readonly unknown[], config: readonly unknown[]): unknown {
  const leftElements = live.map((item) => itemElement(shape, item));
  const rightElements = config.map((item) => itemElement(shape, item));
  const left = new Map<string, unknown>();
  // A duplicate is merged with nothing.
  for (const [index, element] of leftElements.entries()) left.set(element, left.has(element) ? null : live[index]);
  const right = new Map(rightElements.map((element, index) => [element, config[index]]));
  const shared = rightElements.filter((element) => left.has(element));
  let next = 0;
  const merged = new Set<string>();
  const out: unknown[] = [];
  const add = (a: unknown, b: unknown): void => {
    const value = mergeValues(shape.item, a, b);
    if (value !== undefined) out.push(value);
  };
  let l = 0;
  let r = 0;
  while (l < leftElements.length || r < rightElements.length) {
    const mine = leftElements[l];
    const other = rightElements[r];
    if (mine !== undefined && other !== undefined) {
      if (mine === other) {
        merged.add(mine);
        add(left.get(mine), right.get(mine));
        l++;
        r++;
        next++;
        continue;
      }
      if (right.has(mine) && next < shared.length && shared[next] !== mine) {
        // Both have it, but it comes later in the configuration.
        l++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!right.has(mine)) {
        add(live[l], undefined);
        l++;
        continue;
      }
      if (merged.has(mine)) l++;
    }
    if (other !== undefined) {
      merged.add(other);
      add(left.get(other), right.get(other));
      r++;
      if (next < shared.length && shared[next] === other) next++;
    }
  }
  return out.length > 0 ? out : undefined;
}

/** `value` less the items and fields of `gone`. */
export function removeItems(shape: MapShape, value: Json, gone: Fields): Json {
  return isEmpty(gone) ? value : ((removeFrom(shape, value, gone) as Json | null) ?? {});
}

function removeFrom(shape: Shape, value: unknown, gone: Fields): unknown {
  if (shape.kind === 'leaf') return value;
  if (shape.kind === 'list') {
    if (shape.atomic || !Array.isArray(value)) return null;
    const kept: unknown[] = [];
    let matched = false;
    for (const item of value) {
      const found = child(gone, itemElement(shape, item));
      if (found?.member) continue;
      kept.push(found ? emptied(item, removeFrom(shape.item, item, found.children)) : item);
      matched ||= found !== undefined;
    }
    return kept.length > 0 || matched ? kept : null;
  }
  if (shape.atomic || !isJsonObject(value)) return null;
  const kept: Json = {};
  let matched = false;
  for (const name of Object.keys(value)) {
    const field = shape.fields.get(name);
    const found = child(gone, field?.element ?? fieldElement(name));
    if (found?.member) continue;
    const type = field?.shape ?? shape.item;
    matched ||= found !== undefined;
    const inner = value[name];
    setOwn(kept, name, found && type ? emptied(inner, removeFrom(type, inner, found.children)) : inner);
  }
  return Object.keys(kept).length > 0 || matched ? kept : null;
}

/** What has lost everything within stays, without content. */
function emptied(before: unknown, after: unknown): unknown {
  if (after !== null) return after;
  if (Array.isArray(before)) return [];
  return isJsonObject(before) ? {} : null;
}

/** The set with all fields of structs as members that it goes through: one that holds spec.replicas holds spec as well. */
export function withNamedFields(shape: Shape | undefined, fields: Fields): Fields {
  const out: Fields = {};
  for (const element in fields) {
    if (element === self) continue;
    const { member, children } = child(fields, element) as { member: boolean; children: Fields };
    let inner: Shape | undefined;
    let named = false;
    if (shape?.kind === 'map' && element.startsWith('f:')) {
      const field = shape.fields.get(element.slice(2));
      named = field !== undefined;
      inner = field?.shape ?? shape.item;
    } else if (shape?.kind === 'list' && element.startsWith('k:')) inner = shape.item;
    out[element] = node(member || named, withNamedFields(inner, children)) ?? {};
  }
  return out;
}
