import { describe, expect, it } from 'vitest';
import { goDiff, goFormOf, goJson, unifiedDiff } from './diff.ts';

const lines = (...of: string[]): string => of.join('\n');

describe('unified diffs', () => {
  it.each<[string, a: string, b: string, diff: string]>([
    ['no difference', 'a\nb', 'a\nb', ''],
    ['one line changed', 'a\nb\nc', 'a\nx\nc', lines('@@ -1,3 +1,3 @@', ' a', '-b', '+x', ' c', '')],
    ['the only line', 'a', 'b', lines('@@ -1 +1 @@', '-a', '+b', '')],
    ['added in front', 'b', 'a\nb', lines('@@ -1 +1,2 @@', '+a', ' b', '')],
    ['removed at the end', 'a\nb', 'a', lines('@@ -1,2 +1 @@', ' a', '-b', '')],
    [
      'two changes far apart are two hunks',
      'a\n1\n2\n3\n4\n5\n6\n7\nb',
      'x\n1\n2\n3\n4\n5\n6\n7\ny',
      lines('@@ -1,4 +1,4 @@', '-a', '+x', ' 1', ' 2', ' 3', '@@ -6,4 +6,4 @@', ' 5', ' 6', ' 7', '-b', '+y', ''),
    ],
    // The longest block in common is kept, not the common beginning.
    ['ab to acab', 'a\nb', 'a\nc\na\nb', lines('@@ -1,2 +1,4 @@', '+a', '+c', ' a', ' b', '')],
  ])('%s', (_name, a, b, diff) => {
    expect(unifiedDiff(a, b)).toBe(diff);
  });
});

describe('the internal form', () => {
  const form = 'Path:path=s Count:n=i On:on=b Type:type=p Ref:ref{Name:name=s} Resources:resources[Limits:limits=p]';

  it('has zero values, in the order of the struct', () => {
    expect(JSON.stringify(goFormOf(form, undefined))).toBe(
      '{"Path":"","Count":0,"On":false,"Type":null,"Ref":null,"Resources":{"Limits":null}}',
    );
  });

  it('has Go names, and maps in order', () => {
    const value = { path: '/x', ref: {}, resources: { limits: { b: '2', a: '1' } }, other: 1 };
    expect(JSON.stringify(goFormOf(form, value))).toBe(
      '{"Path":"/x","Count":0,"On":false,"Type":null,"Ref":{"Name":""},"Resources":{"Limits":{"a":"1","b":"2"}}}',
    );
  });

  it('goes into lists of structs', () => {
    const terms = 'Terms:terms(Key:key=s Values:values=p)';
    expect(goFormOf(terms, {})).toEqual({ Terms: null });
    expect(goFormOf(terms, { terms: [{ key: 'a', values: ['b'] }, {}] })).toEqual({
      Terms: [
        { Key: 'a', Values: ['b'] },
        { Key: '', Values: null },
      ],
    });
  });

  it('leaves out what is unset in types of the API itself, in their order', () => {
    const selector = 'Of:of{matchLabels:matchLabels=o matchExpressions:matchExpressions=o}';
    const labels = { b: '2', a: '1' };
    const shown = (of: object) => JSON.stringify(goFormOf(selector, { of }));
    expect(shown({ matchExpressions: [{ operator: 'Exists', key: 'k' }], matchLabels: labels })).toBe(
      '{"Of":{"matchLabels":{"a":"1","b":"2"},"matchExpressions":[{"key":"k","operator":"Exists"}]}}',
    );
    expect(shown({ matchExpressions: [], matchLabels: {} })).toBe('{"Of":{}}');
  });

  it('takes no longer than it may', () => {
    const text = (value: string) => Array.from({ length: 20_000 }, (_, i) => `name ${i}\nvalue ${value}`).join('\n');
    const begun = performance.now();
    const diff = unifiedDiff(text('a'), text('b'));
    expect(performance.now() - begun).toBeLessThan(4000);
    expect(diff.split('\n', 4)).toEqual(['@@ -1,40000 +1,40000 @@', ' name 0', '-value a', '+value b']);
    const often = (value: string) => Array.from({ length: 60_000 }, (_, i) => `${value} ${i % 200}`).join('\n');
    unifiedDiff(often('a'), often('a').replaceAll('7', '8'));
    expect(performance.now() - begun).toBeLessThan(8000);
  });

  it('takes nothing from prototypes', () => {
    expect(goFormOf('A:constructor=s B:toString{C:c=s}', {})).toEqual({ A: '', B: null });
  });

  it('is escaped as Go does', () => {
    expect(goJson({ A: '<&>' })).toBe('{\n "A": "\\u003c\\u0026\\u003e"\n}');
  });

  it('is compared line by line', () => {
    expect(goDiff('Path:path=s Type:type=p', { path: '/a' }, { path: '/b' })).toBe(
      '@@ -1,4 +1,4 @@\n {\n- "Path": "/a",\n+ "Path": "/b",\n  "Type": null\n }\n',
    );
  });
});
