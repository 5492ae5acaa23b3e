import { describe, expect, it } from 'vitest';
import { decodeYaml } from './yaml.ts';

describe('aliases of YAML', () => {
  it('mean the last anchor of their name before them', () => {
    const text = 'a: &x 1\nb: *x\nc: &y {d: &x 2, e: *x}\nf: *x\ng: *y\nh: &x 3\ni: *y\nj: *x\n';
    expect(decodeYaml(text).value).toEqual({
      a: 1,
      b: 1,
      c: { d: 2, e: 2 },
      f: 2,
      g: { d: 2, e: 2 },
      h: 3,
      i: { d: 2, e: 2 },
      j: 3,
    });
    expect(() => decodeYaml('a: *x\nb: &x 1\n')).toThrow("unknown anchor 'x' referenced");
    expect(() => decodeYaml('a: &x [*x]\n')).toThrow(/max depth|excessive aliasing/);
  });

  it('cost no more than they are', () => {
    const text = `a: &x 1\nb: [${Array(20_000).fill('*x').join(',')}]\n`;
    const began = performance.now();
    expect((decodeYaml(text).value as { b: number[] }).b).toHaveLength(20_000);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('expand to no more text than a body may have', () => {
    const text = `a: &x ${'y'.repeat(100_000)}\nb: [${Array(100).fill('*x').join(',')}]\n`;
    expect(() => decodeYaml(text)).toThrow('excessive aliasing');
    expect((decodeYaml(text.replaceAll(',*x,*x', '')).value as { b: unknown[] }).b.length).toBeLessThan(40);
  });
});

describe('keys that are there twice', () => {
  it.each<[string, text: string, value: unknown, lines: string[]]>([
    ['the value has the line', 'a:\n  b: 1\n  b:\n    c: 1\n', { a: { b: { c: 1 } } }, ['line 4: key "b"']],
    [
      'what is within comes first',
      'a: 1\na:\n  b: 1\n  b: 2\n',
      { a: { b: 2 } },
      ['line 4: key "b"', 'line 3: key "a"'],
    ],
    [
      'keys of other types',
      '1: a\n1: b\ntrue: a\ntrue: b\n',
      { 1: 'b', true: 'b' },
      ['line 2: key 1', 'line 4: key true'],
    ],
    [
      'an alias counts each time',
      'a: &x {k: 1, k: 2}\nb: *x\n',
      { a: { k: 2 }, b: { k: 2 } },
      ['line 1: key "k"', 'line 1: key "k"'],
    ],
    [
      'what is merged counts',
      'a: &x {k: 1}\nb:\n  <<: *x\n  k: 2\n',
      { a: { k: 1 }, b: { k: 2 } },
      ['line 4: key "k"'],
    ],
    ['merged after', 'a: &x {k: 1}\nb:\n  k: 2\n  <<: *x\n', { a: { k: 1 }, b: { k: 1 } }, ['line 1: key "k"']],
    ['the first of several merges', 'a:\n  <<: [{k: 1}, {k: 2}]\n', { a: { k: 1 } }, ['line 2: key "k"']],
  ])('%s', (_, text, value, found) => {
    const decoded = decodeYaml(text);
    expect(decoded.value).toEqual(value);
    expect(decoded.repeated).toEqual(found.map((line) => `${line} already set in map`));
  });
});

describe("what is no YAML, in the words of Go's reader", () => {
  it.each<[text: string, problem: string]>([
    ['a: [1, 2', "line 1: did not find expected ',' or ']'"],
    ['a: 1\nb: [1, 2\n', "line 2: did not find expected ',' or ']'"],
    ['a: {b: c\n', "line 1: did not find expected ',' or '}'"],
    ['{"a": 1', "line 1: did not find expected ',' or '}'"],
    ['{"a" 1}\n', "did not find expected ',' or '}'"],
    ['{\n', 'line 1: did not find expected node content'],
    ['a: }\n', 'did not find expected node content'],
    ['key: [a, b]]\n', 'did not find expected key'],
    ['a:\n  b: 1\n c: 2\n', 'line 2: did not find expected key'],
    ['a: "x"y\n', 'did not find expected key'],
    ['- 1\nb: 2\n', "line 1: did not find expected '-' indicator"],
    ['a: 1\nfoo\nb: 2\n', "line 3: could not find expected ':'"],
    ['a: |\n x\n  y\nz\n', "line 5: could not find expected ':'"],
    ['foo\nbar: 1\n', 'line 2: mapping values are not allowed in this context'],
    ['a: b: c\n', 'mapping values are not allowed in this context'],
    ['a: 1\n b: 2\n', 'line 2: mapping values are not allowed in this context'],
    ['a: - b\n', 'block sequence entries are not allowed in this context'],
    ['a:\n\tb: 1\n', 'line 2: found character that cannot start any token'],
    ['a:\n  b: 1\n\tc: 1\n', 'line 3: found a tab character that violates indentation'],
    ['x: 1\na: `x`\n', 'line 2: found character that cannot start any token'],
    ['x:\n  a: "\\q"\n', 'line 2: found unknown escape character'],
    ["a: 'x\nb: 1\n", 'line 3: found unexpected end of stream'],
    ['a: &\n', 'did not find expected alphabetic or numeric character'],
    ['a: \u0001\n', 'control characters are not allowed'],
    ['? {a: 1}\n: 2', 'invalid map key: map[interface {}]interface {}{"a":1}'],
  ])('%j', (text, problem) => {
    expect(() => decodeYaml(text)).toThrow(`error converting YAML to JSON: yaml: ${problem}`);
  });

  it('is not looked for after a collection in brackets', () => {
    expect(decodeYaml('{a: 1}}\n').value).toEqual({ a: 1 });
  });
});

describe('a text that would take too much memory', () => {
  const n = 1_000_000;
  it.each<[string, string, string]>([
    ['documents', '---\n'.repeat(n), 'tokens of YAML'],
    ['keys', 'a: b\n'.repeat(n / 2), 'tokens of YAML'],
    ['items', `[${'1,'.repeat(n)}]`, 'tokens of YAML'],
    ['comments', '#\n'.repeat(n), 'tokens of YAML'],
    ['lines', '\n'.repeat(n), 'tokens of YAML'],
    ['lines of a block', `a: |\n${' x\n'.repeat(n)}`, 'tokens of YAML'],
    ['lists', '- '.repeat(n), 'exceeded max depth'],
    ['brackets', '['.repeat(n), 'exceeded max depth'],
    ['brackets on lines', '{a: \n'.repeat(n / 2), 'exceeded max depth'],
    ['complex keys', '? '.repeat(n), 'exceeded max depth'],
    ['lists with empty keys', '- : '.repeat(n / 2), 'exceeded max depth'],
    ['tags', '!a '.repeat(n), 'exceeded max depth'],
    ['anchors', '&a '.repeat(n), 'exceeded max depth'],
  ])('is refused before anything is made of it: %s', (_name, text, message) => {
    const began = performance.now();
    expect(() => decodeYaml(text)).toThrow(message);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is not one that is merely long', () => {
    const text = `data:\n  a: |\n${'    some line of a file\n'.repeat(50_000)}  b: ${'x'.repeat(1_000_000)}\n`;
    const { data } = decodeYaml(text).value as { data: Record<string, string> };
    expect([data.a?.length, data.b?.length]).toEqual([1_000_000, 1_000_000]);
    const list = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => ({ name: `n${i}`, value: '' })));
    expect(decodeYaml(`a: ${list}`).value).toEqual({ a: JSON.parse(list) });
    expect(decodeYaml('a: 1\n---\nb: 2\n').value).toEqual({ a: 1 });
    expect(decodeYaml('').value).toBeNull();
  });
});
