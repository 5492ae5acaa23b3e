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
    expect(performance.now() - began).toBeLessThan(3_000);
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
