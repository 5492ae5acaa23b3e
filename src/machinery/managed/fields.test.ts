import { describe, expect, it } from 'vitest';
import { compareElements } from './element.ts';
import {
  difference,
  type Fields,
  has,
  intersection,
  keepOnly,
  parseFields,
  pathsOf,
  pathText,
  recursiveDifference,
  single,
  sorted,
  union,
} from './fields.ts';

describe('FieldsV1', () => {
  it.each([
    ['nothing', undefined, {}],
    ['null', null, {}],
    ['members', { 'f:b': {}, 'f:a': {} }, { 'f:a': {}, 'f:b': {} }],
    ['a member with nothing below', { 'f:a': { '.': {} } }, { 'f:a': {} }],
    ['null for a leaf', { 'f:a': null }, { 'f:a': {} }],
    ['a root that says it is a member', { '.': {}, 'f:a': {} }, { 'f:a': {} }],
    ['keys in any order', { 'k:{"b":1,"a":"x"}': {} }, { 'k:{"a":"x","b":1}': {} }],
    ['what HTML minds', { 'v:"<"': {} }, { 'v:"\\u003c"': {} }],
    ['elements of tomorrow', { 'x:y': {}, 'f:a': { 'z:1': {} } }, { 'f:a': {} }],
    ['the same twice', { 'k:{"a":1}': { 'f:x': {} }, 'k:{ "a": 1 }': {} }, { 'k:{"a":1}': { '.': {}, 'f:x': {} } }],
    ['prototype names', { 'f:__proto__': { 'f:constructor': {} } }, { 'f:__proto__': { 'f:constructor': {} } }],
    [
      'kinds in order',
      { 'i:1': {}, 'v:2': {}, 'v:10': {}, 'k:{"a":1}': {}, 'f:z': {}, 'v:"1"': {} },
      { 'f:z': {}, 'k:{"a":1}': {}, 'v:2': {}, 'v:10': {}, 'v:"1"': {}, 'i:1': {} },
    ],
  ])('reads %s', (_name, raw, expected) => {
    expect(JSON.stringify(parseFields(raw))).toBe(JSON.stringify(expected));
  });

  it.each([['f'], ['fx'], ['k:1'], ['k:{'], ['v:x'], ['i:x'], ['']])('refuses %j', (element) => {
    expect(() => parseFields({ [element]: {} })).toThrow();
  });

  it.each([[1], ['x'], [[]], [{ 'f:a': [] }], [{ 'f:a': 1 }]])('refuses %j as a whole', (raw) => {
    expect(() => parseFields(raw)).toThrow();
  });

  it('orders keyed elements by their values, not their text', () => {
    expect(compareElements('k:{"port":9}', 'k:{"port":80}')).toBeLessThan(0);
    expect(compareElements('k:{"name":"a"}', 'k:{"name":"a b"}')).toBeLessThan(0);
    expect(compareElements('k:{"a":1}', 'k:{"a":1,"b":1}')).toBeLessThan(0);
  });

  it.each([
    [['f:spec', 'k:{"name":"web"}', 'f:image'], '.spec[name="web"].image'],
    [['f:ports', 'k:{"containerPort":80,"protocol":"TCP"}'], '.ports[containerPort=80,protocol="TCP"]'],
    [['f:finalizers', 'v:"x"'], '.finalizers[="x"]'],
    [['f:list', 'i:3'], '.list[3]'],
  ])('prints %j', (path, text) => {
    expect(pathText(path)).toBe(text);
  });
});

describe('sets of fields', () => {
  const a: Fields = { 'f:m': { 'f:l': { '.': {}, 'f:x': {}, 'f:y': {} } } };

  it('a parent goes without its children, unless told otherwise', () => {
    expect(difference(a, { 'f:m': { 'f:l': {} } })).toEqual({ 'f:m': { 'f:l': { 'f:x': {}, 'f:y': {} } } });
    expect(recursiveDifference(a, { 'f:m': { 'f:l': {} } })).toEqual({});
    expect(recursiveDifference(a, { 'f:m': { 'f:l': { 'f:x': {} } } })).toEqual({
      'f:m': { 'f:l': { '.': {}, 'f:y': {} } },
    });
  });

  it('keeps what patterns reach', () => {
    const fields: Fields = { 'f:c': { 'k:{"n":1}': { '.': {}, 'f:r': { 'f:q': {} }, 'f:i': {} } }, 'f:d': {} };
    expect(keepOnly(fields, [['f:c', '*', 'f:r']])).toEqual({
      'f:c': { 'k:{"n":1}': { '.': {}, 'f:r': { 'f:q': {} } } },
    });
    expect(keepOnly(fields, [['f:x']])).toEqual({});
  });

  it('agrees with sets of paths', () => {
    let state = 7;
    const int = (max: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * max);
    };
    const some = (): Fields => {
      let out: Fields = {};
      for (let i = int(6); i > 0; i--)
        out = union(out, single(Array.from({ length: 1 + int(3) }, () => `f:${'abc'[int(3)]}`)));
      return sorted(out);
    };
    const model = (fields: Fields) => new Set(pathsOf(fields).map(pathText));
    const list = (set: Set<string>) => [...set].sort();
    for (let round = 0; round < 800; round++) {
      const [x, y] = [some(), some()];
      const before = JSON.stringify([x, y]);
      const [mx, my] = [model(x), model(y)];
      expect(list(model(union(x, y)))).toEqual(list(mx.union(my)));
      expect(list(model(difference(x, y)))).toEqual(list(mx.difference(my)));
      expect(list(model(intersection(x, y)))).toEqual(list(mx.intersection(my)));
      expect(list(model(recursiveDifference(x, y)))).toEqual(
        list(mx).filter((path) => !list(my).some((gone) => path === gone || path.startsWith(`${gone}.`))),
      );
      expect(union(union(x, y), x)).toEqual(union(x, y));
      expect(parseFields(x)).toEqual(x);
      for (const path of pathsOf(x)) expect(has(x, path)).toBe(true);
      expect(JSON.stringify([x, y])).toBe(before);
    }
  });
});
