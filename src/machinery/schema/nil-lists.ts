// Lists that Go writes even when they are empty. In Go they are nil then, once they have been stored, and nil is written as
// null; code reads them more easily as empty. Here are both ways, by a tree of the places where a type has them.

/** By field: the place itself, or those within; `*` is every element, and '' the list itself where its elements have some. */
export type NilTree = { readonly [field: string]: true | NilTree };

type Json = Record<string, unknown>;

const isHolder = (value: unknown): value is Json => typeof value === 'object' && value !== null;

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  for (const _ in value) return false;
  return true;
}

/** What is empty or absent at the tree's places as null. The value itself where nothing is; never changed. */
export function withNils<T extends object>(tree: NilTree, value: T): T {
  const elements = tree['*'];
  if (elements !== undefined) return elements === true ? value : eachWithNils(elements, value);
  let out = value as Json;
  for (const name in tree) {
    const place = tree[name] as true | NilTree;
    const own = Object.hasOwn(value, name) ? (value as Json)[name] : undefined;
    let next: unknown = own;
    if ((place === true || place[''] === true) && isEmpty(own)) next = null;
    else if (place !== true && isHolder(own)) next = withNils(place, own);
    if (next === own) continue;
    if (out === value) out = { ...(value as Json) };
    out[name] = next;
  }
  return out as T;
}

function eachWithNils<T extends object>(tree: NilTree, value: T): T {
  let out = value as Json;
  for (const key in value) {
    const own = (value as Json)[key];
    const next = isHolder(own) ? withNils(tree, own) : own;
    if (next === own) continue;
    if (out === value) out = (Array.isArray(value) ? [...value] : { ...value }) as Json;
    out[key] = next;
  }
  return out as T;
}

/** Makes what is null or absent at the tree's places an empty list. Changes `value`. */
export function withoutNils(tree: NilTree, value: object): void {
  const elements = tree['*'];
  if (elements !== undefined && elements !== true)
    for (const key in value) {
      const own = (value as Json)[key];
      if (isHolder(own)) withoutNils(elements, own);
    }
  if (elements !== undefined) return;
  for (const name in tree) {
    const place = tree[name] as true | NilTree;
    const own = Object.hasOwn(value, name) ? (value as Json)[name] : undefined;
    if ((place === true || place[''] === true) && (own === null || own === undefined)) (value as Json)[name] = [];
    else if (place !== true && isHolder(own)) withoutNils(place, own);
  }
}
