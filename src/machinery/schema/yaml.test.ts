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
});
