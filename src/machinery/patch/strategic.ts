// Strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch): a merge patch that knows from the schema which lists are
// merged, by which key, and that carries directives:
//   $patch: replace | delete | merge        on a map, or as an element of a merged list
//   $retainKeys: [names]                    drops all other keys of the map
//   $deleteFromPrimitiveList/<field>: [..]  removes values from a merged list of scalars
//   $setElementOrder/<field>: [..]          orders a merged list; elements only the server has keep their place
//
// Worked example, containers being merged by name: [a,b] + {$setElementOrder/containers: [{name: c}, {name: a}],
// containers: [{name: c}, {name: a, image: x}]} → [c, a{image: x}, b].

import { ApiError, errors } from '../errors.ts';
import { setOwn } from '../schema/json.ts';
import type { Schemas, StructType, Type } from '../schema/types.ts';
import { goText, goTypeOf } from './go-text.ts';
import { jsonKind } from './json.ts';
import { copyJson, isJsonObject, type Json } from './merge.ts';
import { deleteScalars, normalizeOrder, partition, uniqueScalars } from './order.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

const bad = (message: string): Error => errors.badRequest(message);

const notAList = (value: unknown): Error => bad(`expected a []interface {}, but received a ${goTypeOf(value)}`);
const unknownDirective = (kind: unknown, patch: Json): Error =>
  bad(`unknown patch type: ${typeof kind === 'string' ? kind : goText(kind)} in map: ${goText(patch)}`);

/** How the value under a key is patched. */
interface Place {
  /** Type of a map's values by key, or of a merged list's elements. */
  type: Type | undefined;
  strategies: readonly string[];
  mergeKey: string;
}

function placeOf(type: Type | undefined, key: string): Place {
  if (type?.kind === 'map') return { type: type.item, strategies: [], mergeKey: '' };
  const field = type?.kind === 'struct' ? type.fields.get(key) : undefined;
  return {
    type: field?.type,
    strategies: field?.table.ps?.split(',') ?? [],
    mergeKey: field?.table.pk ?? '',
  };
}

/** Upstream looks into the type for whatever it merges. */
function requireField(type: Type | undefined, key: string): void {
  if (type?.kind === 'struct' && !type.fields.has(key))
    throw bad(
      `unable to find api field in struct ${type.name.slice(type.name.lastIndexOf('.') + 1)} for the json field ${JSON.stringify(key)}`,
    );
}

const elementOf = (type: Type | undefined): Type | undefined => (type?.kind === 'list' ? type.item : undefined);

/** A value that is new to the document: its nulls and directives mean nothing there. */
function taken(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isDirected(item)).map(taken);
  if (!isJsonObject(value)) return value;
  const out: Json = {};
  for (const key of Object.keys(value)) {
    if (value[key] === null || isDirected(value[key]) || isDirective(key)) continue;
    setOwn(out, key, taken(value[key]));
  }
  return out;
}

const isDirected = (value: unknown): boolean => isJsonObject(value) && Object.hasOwn(value, directive);

const isDirective = (key: string): boolean =>
  key === directive || key === retainKeys || key.startsWith(deletePrefix) || key.startsWith(orderPrefix);

const sameKind = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) === Array.isArray(b) && isJsonObject(a) === isJsonObject(b);

function applyRetainKeys(original: Json, patch: Json): void {
  if (!Object.hasOwn(patch, retainKeys)) return;
  const names = patch[retainKeys];
  delete patch[retainKeys];
  const wrong = (): Error => bad('invalid patch format of retainKeys');
  if (!Array.isArray(names)) throw wrong();
  const kept = new Set(names);
  for (const key of Object.keys(patch)) if (patch[key] !== null && !isDirective(key) && !kept.has(key)) throw wrong();
  for (const key of Object.keys(original)) if (!kept.has(key)) delete original[key];
}

/** Every element of a patch list must be in the order list, and in that order; deletions may be anywhere. */
function checkOrder(list: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  let at = 0;
  for (const item of list) {
    if (isJsonObject(item) && Object.hasOwn(item, directive)) continue;
    const wanted = isJsonObject(item) ? item[mergeKey] : item;
    while (at < order.length) {
      const entry = order[at];
      if ((isJsonObject(entry) ? entry[mergeKey] : entry) === wanted) break;
      at++;
    }
    if (at++ >= order.length)
      throw bad(`The order in patch list:\n${goText(list)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`);
  }
}

function applyOrders(original: Json, patch: Json, type: Type | undefined): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    const field = key.slice(orderPrefix.length);
    const order = patch[key];
    delete patch[key];
    const place = placeOf(type, field);
    const list = Object.hasOwn(patch, field) ? patch[field] : undefined;
    const current = Object.hasOwn(original, field) ? original[field] : undefined;
    for (const one of [order, ...(current === undefined ? [] : [current]), ...(list === undefined ? [] : [list])])
      if (!Array.isArray(one)) throw notAList(one);
    requireField(type, field);
    if (!Array.isArray(order) || (current !== undefined && !Array.isArray(current))) continue;
    if (list !== undefined && !Array.isArray(list)) continue;
    if (order.some((item) => isJsonObject(item) !== (place.mergeKey !== '') || Array.isArray(item) || item === null))
      throw bad('invalid patch format of setElementOrder list');
    if (list && list.length > 0 && order.length > 0) checkOrder(list, order, place.mergeKey);
    delete patch[field];
    let merged: unknown[];
    if (current && list) merged = mergeLists(current, list, place, field);
    else if (current) merged = current;
    else if (list) merged = taken(list) as unknown[];
    else continue;
    const [ofPatch, ofServer] = partition(merged, order, place.mergeKey);
    setOwn(original, field, normalizeOrder(ofPatch, ofServer, order, current ?? [], place.mergeKey));
  }
}

/** Merges `patch` into `original`; both are ours to change. */
function mergeMaps(original: Json, patch: Json, type: Type | undefined): Json {
  if (Object.hasOwn(patch, directive)) {
    const kind = patch[directive];
    delete patch[directive];
    if (kind === 'replace') return taken(patch) as Json;
    if (kind === 'delete') return {};
    throw unknownDirective(kind, { ...patch, [directive]: kind });
  }
  applyRetainKeys(original, patch);
  applyOrders(original, patch, type);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (key.startsWith(deletePrefix)) {
      const field = key.slice(deletePrefix.length);
      const list = Object.hasOwn(original, field) ? original[field] : undefined;
      if (Array.isArray(list) && Array.isArray(value))
        setOwn(original, field, withoutScalars(list, value, type, field));
      continue;
    }
    if (value === null) {
      delete original[key];
      continue;
    }
    const current = Object.hasOwn(original, key) ? original[key] : undefined;
    if (current === undefined || !sameKind(current, value)) {
      if (isDirected(value)) delete original[key];
      else setOwn(original, key, taken(value));
      continue;
    }
    const place = placeOf(type, key);
    if (isJsonObject(current) && isJsonObject(value))
      setOwn(
        original,
        key,
        place.strategies.includes('replace') ? taken(value) : mergeMaps(current, value, place.type),
      );
    else if (Array.isArray(current) && Array.isArray(value))
      setOwn(original, key, place.strategies.includes('merge') ? mergeLists(current, value, place, key) : value);
    else setOwn(original, key, value);
  }
  return original;
}

function withoutScalars(list: unknown[], gone: unknown[], type: Type | undefined, field: string): unknown[] {
  requireField(type, field);
  if (gone.some(isJsonObject) || list.some(isJsonObject)) return mergeLists(list, gone, placeOf(type, field), field);
  return deleteScalars(list, gone);
}

function mergeLists(original: unknown[], patch: unknown[], place: Place, field: string): unknown[] {
  if (original.length === 0 && patch.length === 0) return original;
  const all = [...original, ...patch];
  if (Array.isArray(all[0]))
    throw new ApiError('Invalid', 'the server rejected our request due to an error in our request', {});
  if (new Set(all.map(goTypeOf)).size > 1)
    throw bad(`list element types are not identical: ${goText([original, patch])}`);
  if (!isJsonObject(all[0])) {
    const [ofPatch, ofServer] = partition(uniqueScalars(all), patch, '');
    return normalizeOrder(ofPatch, ofServer, patch, original, '');
  }
  const { mergeKey } = place;
  if (mergeKey === '') throw bad(`cannot merge lists without merge key for ${field}`);
  const keyOf = (item: Json): unknown => {
    if (!Object.hasOwn(item, mergeKey))
      throw bad(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
    return item[mergeKey];
  };
  let server = original as Json[];
  let items: Json[] = [];
  const deleted = new Set<unknown>();
  let replace = false;
  for (const item of patch as Json[]) {
    if (!Object.hasOwn(item, directive)) items.push(item);
    else if (item[directive] === 'delete') deleted.add(keyOf(item));
    else if (item[directive] === 'replace') replace = true;
    else if (item[directive] === 'merge') throw bad('merging lists cannot yet be specified in the patch');
    else throw unknownDirective(item[directive], item);
  }
  if (deleted.size > 0) server = server.filter((own) => !deleted.has(own[mergeKey]));
  if (replace) {
    server = taken(items) as Json[];
    items = [];
  }
  const merged = [...server];
  const indexes = new Map<unknown, number>();
  server.forEach((item, i) => {
    const key = item[mergeKey];
    if (!indexes.has(key)) indexes.set(key, i);
  });
  for (const item of items) {
    const key = keyOf(item);
    const found = indexes.get(key);
    if (found === undefined) {
      indexes.set(key, merged.length);
      // A key of null is a key, by which the element finds its place.
      merged.push({ ...(taken(item) as Json), [mergeKey]: key });
    } else merged[found] = mergeMaps(merged[found] as Json, copyJson(item), elementOf(place.type));
  }
  const [ofPatch, ofServer] = partition(merged, items, mergeKey);
  return normalizeOrder(ofPatch, ofServer, items, server, mergeKey);
}

/**
 * Returns the patched document; neither argument is changed. `schema` names the document's type. Throws ApiError BadRequest.
 */
export function applyStrategicMergePatch(schemas: Schemas, schema: string, document: Json, patch: unknown): Json {
  const type: StructType | undefined = schemas.struct(schema);
  if (!type) throw new Error(`no schema ${schema}`);
  if (patch === null) return copyJson(document);
  if (!isJsonObject(patch))
    throw bad(`json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
  return mergeMaps(copyJson(document), copyJson(patch), type);
}
