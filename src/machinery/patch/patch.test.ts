import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitions } from '../../generated/schemas/definitions.ts';
import { ApiError } from '../errors.ts';
import { Schemas } from '../schema/index.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, jsonPatchedText, mergedText } from './index.ts';

const schemas = new Schemas(definitions());
const strategic = (document: Record<string, unknown>, patch: unknown, schema = 'io.k8s.api.core.v1.Pod') =>
  applyStrategicMergePatch(schemas, schema, document, patch);

describe('JSON patch', () => {
  it('applies', () => {
    const document = { a: { 'b/c': [1, 2] } };
    expect(
      applyJsonPatch(document, [
        { op: 'test', path: '/a/b~1c/0', value: 1 },
        { op: 'add', path: '/a/b~1c/-', value: 3 },
        { op: 'remove', path: '/a/b~1c/0' },
        { op: 'copy', from: '/a', path: '/d' },
        { op: 'move', from: '/a', path: '/e' },
        { op: 'replace', path: '/e/b~1c/0', value: null },
      ]),
    ).toEqual({ d: { 'b/c': [2, 3] }, e: { 'b/c': [null, 3] } });
    expect(document).toEqual({ a: { 'b/c': [1, 2] } });
  });
  it.each([
    [{}, 'BadRequest'],
    [['x'], 'BadRequest'],
    [[{ op: 1, path: '/a' }], 'BadRequest'],
    [[{ op: 'nope', path: '/a' }], 'Invalid'],
    [[{ op: 'add' }], 'Invalid'],
    [[{ op: 'remove', path: '/x' }], 'Invalid'],
    [[{ op: 'replace', path: '/x/y', value: 1 }], 'Invalid'],
    [[{ op: 'replace', path: '/b/1', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: '/b/x', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: '/b/2', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: 'a', value: 1 }], 'Invalid'],
    [[{ op: 'remove', path: '' }], 'Invalid'],
    [[{ op: 'test', path: '/x', value: 1 }], 'Invalid'],
    [[null], 'Invalid'],
    [[{ op: 'test', path: '/a', value: 2 }], 'Invalid'],
    [[{ op: 'add', path: '/__proto__/x', value: 2 }], 'Invalid'],
    [[{ op: 'add', path: '/constructor/prototype/x', value: 2 }], 'Invalid'],
    [[{ op: 'move', from: '/a', path: '/a/b' }], 'Invalid'],
    [Array.from({ length: 40 }, () => ({ op: 'copy', from: '/b', path: '/b/-' })), 'Invalid'],
    [Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 })), 'RequestEntityTooLarge'],
  ])('refuses %#: %2$s', (patch, reason) => {
    expect(() => applyJsonPatch({ a: 1, b: ['x'.repeat(100)] }, patch)).toThrow(
      expect.objectContaining({ name: 'ApiError', reason }),
    );
  });
});

describe('JSON patch, where libraries differ', () => {
  it.each([
    ['null is no patch', null, { a: 1, b: [1, 2] }],
    ['replace of what is absent adds', [{ op: 'replace', path: '/x', value: 1 }], { a: 1, b: [1, 2], x: 1 }],
    ['what is absent tests as null', [{ op: 'test', path: '/x', value: null }], { a: 1, b: [1, 2] }],
    ['add without a value adds null', [{ op: 'add', path: '/x' }], { a: 1, b: [1, 2], x: null }],
    ['negative indexes count from the end', [{ op: 'remove', path: '/b/-1' }], { a: 1, b: [1] }],
    ['and so they do where one adds', [{ op: 'add', path: '/b/-1', value: 3 }], { a: 1, b: [1, 2, 3] }],
    ['the whole is replaced', [{ op: 'replace', path: '', value: { c: 1 } }], { c: 1 }],
    ['copies of what is absent are null', [{ op: 'copy', from: '/x', path: '/y' }], { a: 1, b: [1, 2], y: null }],
  ])('%s', (_, patch, expected) => expect(applyJsonPatch({ a: 1, b: [1, 2] }, patch)).toEqual(expected));
});

describe('merge patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [1] }, { a: [null, 2] }, { a: [null, 2] }],
    [{ a: [1] }, { a: [{ b: null, c: [{ d: null }] }] }, { a: [{ c: [{}] }] }],
    [{ a: { b: 1 } }, { a: [{ b: null }] }, { a: [{ b: null }] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ['x', { a: 1 }, { a: 1 }],
  ])('%j + %j', (document, patch, expected) => expect(applyMergePatch(document, patch)).toEqual(expected));
  it('follows RFC 7386 for every document, but for nulls within new lists', () => {
    const isMap = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
    const model = (target: unknown, patch: unknown): unknown => {
      if (Array.isArray(patch) && !isMap(target)) return patch.map((item) => model(undefined, item));
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
      const out = new Map<string, unknown>(
        typeof target === 'object' && target !== null && !Array.isArray(target) ? Object.entries(target) : [],
      );
      for (const [key, value] of Object.entries(patch)) {
        if (value === null) out.delete(key);
        else out.set(key, model(out.get(key), value));
      }
      return Object.fromEntries(out);
    };
    const keys = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 1, 'x'),
        fc.array(tie('tree'), { maxLength: 2 }),
        fc.dictionary(keys, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.dictionary(keys, tree, { maxKeys: 4 }), (document, patch) => {
        const before = JSON.stringify(document);
        expect(JSON.stringify(applyMergePatch(document, patch))).toEqual(JSON.stringify(model(document, patch)));
        expect(JSON.stringify(document)).toBe(before);
      }),
    );
  });
  it('takes objects only', () => expect(() => applyMergePatch({}, [])).toThrow(ApiError));
});

const containers = (...names: (string | Record<string, unknown>)[]) => ({
  spec: { containers: names.map((name) => (typeof name === 'string' ? { name } : name)) },
});

describe('strategic merge patch', () => {
  it.each([
    [
      'merges lists by key, patched ones first',
      containers({ name: 'a', image: '1' }, 'b'),
      containers({ name: 'b', image: '2' }, 'c'),
      containers({ name: 'a', image: '1' }, { name: 'b', image: '2' }, 'c'),
    ],
    ['deletes an element', containers('a', 'b'), containers({ name: 'a', $patch: 'delete' }), containers('b')],
    [
      'replaces a list',
      containers('a', 'b'),
      { spec: { containers: [{ $patch: 'replace' }, { name: 'c' }] } },
      containers('c'),
    ],
    [
      'replaces a map',
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { $patch: 'replace', b: '2' } } },
      { metadata: { labels: { b: '2' } } },
    ],
    [
      'deletes a map',
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { $patch: 'delete' } } },
      { metadata: { labels: {} } },
    ],
    [
      'null deletes',
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { a: null, c: null } } },
      { metadata: { labels: { b: '2' } } },
    ],
    [
      'replaces atomic lists',
      { spec: { containers: [{ name: 'a', args: ['x', 'y'] }] } },
      containers({ name: 'a', args: ['z'] }),
      containers({ name: 'a', args: ['z'] }),
    ],
    [
      'merges lists of scalars',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { finalizers: ['c', 'a'] } },
      { metadata: { finalizers: ['c', 'a', 'b'] } },
    ],
    [
      'deletes scalars',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a', 'x'] } },
      { metadata: { finalizers: ['b'] } },
    ],
    [
      'orders',
      containers('a', 'b'),
      {
        spec: {
          '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
          containers: [{ name: 'c' }, { name: 'a', image: 'x' }],
        },
      },
      containers('c', { name: 'a', image: 'x' }, 'b'),
    ],
    [
      'orders without a list',
      containers('a', 'b', 'c'),
      { spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }] } },
      containers('b', 'c', 'a'),
    ],
    [
      'orders a new list',
      {},
      { spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'a' }] } },
      containers('a'),
    ],
    [
      'keeps keys',
      { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
      { spec: { volumes: [{ name: 'v', hostPath: { path: '/' }, $retainKeys: ['name', 'hostPath'] }] } },
      { spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] } },
    ],
    [
      'drops directives from what is new',
      {},
      {
        spec: {
          containers: [
            { name: 'a', $patch: 'delete' },
            { name: 'b', env: null },
          ],
          volumes: [{ name: 'v', $retainKeys: ['name'] }],
        },
      },
      { spec: { containers: [{ name: 'b' }], volumes: [{ name: 'v' }] } },
    ],
    [
      'takes null for a key like others',
      { spec: { containers: [{ name: 'a' }] } },
      { spec: { containers: [{ name: null, image: 'x' }] } },
      { spec: { containers: [{ name: null, image: 'x' }, { name: 'a' }] } },
    ],
    ['changes types', { spec: 'x' }, { spec: { a: 1 } }, { spec: { a: 1 } }],
  ])('%s', (_, document, patch, expected) => {
    const before = JSON.stringify([document, patch]);
    expect(strategic(document, patch)).toEqual(expected);
    expect(JSON.stringify([document, patch])).toBe(before);
  });

  it('orders what kubectl scale, set image and apply send', () => {
    const deployment = {
      spec: {
        replicas: 1,
        template: {
          spec: {
            containers: [{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80 }] }],
          },
        },
      },
    };
    const patch = {
      spec: {
        template: {
          spec: {
            '$setElementOrder/containers': [{ name: 'a' }],
            containers: [
              {
                name: 'a',
                image: '2',
                '$setElementOrder/env': [{ name: 'Y' }],
                env: [
                  { name: 'Y', value: '2' },
                  { name: 'X', $patch: 'delete' },
                ],
              },
            ],
          },
        },
      },
    };
    expect(strategic(deployment, patch, 'io.k8s.api.apps.v1.Deployment')).toEqual({
      spec: {
        replicas: 1,
        template: {
          spec: {
            containers: [{ name: 'a', image: '2', env: [{ name: 'Y', value: '2' }], ports: [{ containerPort: 80 }] }],
          },
        },
      },
    });
  });

  it.each([
    [[]],
    ['x'],
    [containers({ image: 'x' })],
    [containers({ name: 'a', $patch: 'x' })],
    [{ $patch: 'x' }],
    [{ spec: { containers: ['a'] } }],
    [{ spec: { containers: [['a']] } }],
    [{ spec: { $retainKeys: 1 } }],
    [{ spec: { $retainKeys: ['volumes'], nodeName: 'n' } }],
    [{ spec: { $retainKeys: [1, [null], {}], nodeName: 'n' } }],
    [{ spec: { '$setElementOrder/nope': ['a'] } }],
    [{ spec: { '$deleteFromPrimitiveList/containers': ['a'] } }],
    [{ spec: { $patch: 'merge', nodeName: 'n' } }],
    [{ spec: { '$setElementOrder/containers': 1 } }],
    [{ spec: { '$setElementOrder/containers': ['a'] } }],
    [{ spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'b' }] } }],
  ])('refuses %j', (patch) => {
    expect(() => strategic(containers('a'), patch)).toThrow(
      expect.objectContaining({ name: 'ApiError', reason: 'BadRequest' }),
    );
  });

  it('never fails otherwise than with ApiError', () => {
    const keys = fc.constantFrom(
      'metadata',
      'spec',
      'containers',
      'name',
      'labels',
      'finalizers',
      'volumes',
      'ports',
      'containerPort',
      '$patch',
      '$retainKeys',
      '$setElementOrder/containers',
      '$setElementOrder/finalizers',
      '$deleteFromPrimitiveList/finalizers',
      '__proto__',
      'constructor',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, 1, 'a', 'delete', 'replace', 'merge', true),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(keys, tie('tree'), { maxKeys: 5 }),
      ),
    }));
    const object = fc.dictionary(keys, tree, { maxKeys: 5 });
    fc.assert(
      fc.property(object, tree, (document, patch) => {
        const before = JSON.stringify([document, patch]);
        try {
          strategic(document, patch);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
        try {
          applyJsonPatch(document, patch);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
        expect(JSON.stringify([document, patch])).toBe(before);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what is left, as messages show it', () => {
  const base = { kind: 'X', b: { z: 1, a: { y: 1, x: '<' } }, a: [{ b: 1, a: 2 }] };
  it.each<[string, patch: object, text: string]>([
    ['the outermost is sorted', {}, '{"a":[{"b":1,"a":2}],"b":{"z":1,"a":{"y":1,"x":"\\u003c"}},"kind":"X"}'],
    [
      'what was gone into is, what is new is to the ground',
      { b: { n: { z: 1, a: [{ d: 1, c: 2 }] } }, a: null },
      '{"b":{"a":{"y":1,"x":"\\u003c"},"n":{"a":[{"c":2,"d":1}],"z":1},"z":1},"kind":"X"}',
    ],
    ['a list for an object is as it was written', { b: [{ d: 1, c: 2 }], a: null }, '{"b":[{"d":1,"c":2}],"kind":"X"}'],
  ])('merge patch: %s', (_, patch, text) => {
    expect(mergedText(base, patch, applyMergePatch(base, patch))).toBe(text);
  });
  it('members that are undefined are none', () => {
    const document = { b: undefined, a: { d: undefined, c: 1 } };
    const patch = { a: { e: 2 } };
    expect(mergedText(document, patch, applyMergePatch(document, patch))).toBe('{"a":{"c":1,"e":2}}');
    expect(jsonPatchedText([{ path: '/a/c' }], document)).toBe('{"a":{"c":1}}');
  });
  it('JSON patch: what is on the way is sorted', () => {
    const patch = [{ op: 'add', path: '/b/a/n~1', value: { z: 1, a: 2 } }];
    expect(jsonPatchedText(patch, applyJsonPatch(base, patch))).toBe(
      '{"a":[{"b":1,"a":2}],"b":{"a":{"n/":{"z":1,"a":2},"x":"\\u003c","y":1},"z":1},"kind":"X"}',
    );
  });
});
