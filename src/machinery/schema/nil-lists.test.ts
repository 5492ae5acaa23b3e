import { expect, test } from 'vitest';
import { type NilTree, withNils, withoutNils } from './nil-lists.ts';

const tree: NilTree = {
  rules: { '': true, '*': { verbs: true } },
  spec: { volumes: { '*': { projected: { sources: true } } } },
};

test.each<[string, object, object, object]>([
  ['absent', {}, { rules: null }, { rules: [] }],
  ['null', { rules: null }, { rules: null }, { rules: [] }],
  ['empty', { rules: [] }, { rules: null }, { rules: [] }],
  [
    'in elements',
    { rules: [{}, { verbs: ['a'] }] },
    { rules: [{ verbs: null }, { verbs: ['a'] }] },
    { rules: [{ verbs: [] }, { verbs: ['a'] }] },
  ],
  [
    'only where its holder is',
    { rules: [{ verbs: ['a'] }], spec: { volumes: [{}, { projected: {} }] } },
    { rules: [{ verbs: ['a'] }], spec: { volumes: [{}, { projected: { sources: null } }] } },
    { rules: [{ verbs: ['a'] }], spec: { volumes: [{}, { projected: { sources: [] } }] } },
  ],
  ['odd shapes', { rules: 'x', spec: [1, null] }, { rules: 'x', spec: [1, null] }, { rules: 'x', spec: [1, null] }],
])('%s', (_name, value, written, unwritten) => {
  const before = structuredClone(value);
  expect(withNils(tree, value)).toEqual(written);
  expect(value).toEqual(before);
  for (const from of [value, written]) {
    const object = structuredClone(from);
    withoutNils(tree, object);
    expect(object).toEqual(unwritten);
  }
});

test('what has nothing empty is not copied', () => {
  const value = { rules: [{ verbs: ['a'] }], spec: { volumes: [{ projected: { sources: [{}] } }] } };
  expect(withNils(tree, value)).toBe(value);
});
