// The comparison's own parts: how the corpus is read, and what is made equal before two answers are compared.
import path from 'node:path';
import { expect, test } from 'vitest';
import { expand, readCorpus } from './corpus.ts';
import { differences } from './differences.ts';

test('every request of the corpus can be read, and no case is there twice', () => {
  const cases = readCorpus(path.join(import.meta.dirname, 'corpus'));
  const names = cases.map(({ file, say }) => `${file}: ${say}`);
  expect(new Set(names).size).toBe(names.length);
  for (const { say, steps } of cases) {
    expect(steps.length, say).toBeGreaterThan(0);
    for (const { method, path: target } of steps) expect([method, target[0]]).toEqual([method.toUpperCase(), '/']);
  }
});

test('placeholders stand for values where they are alone, for texts otherwise', () => {
  const vars = { a: { b: 3 }, ns: 'x', list: [1] };
  expect(expand({ n: `\${a.b}`, path: `/$ns/\${a.b}`, list: '$list', other: '$nope' }, vars)).toEqual({
    n: 3,
    path: '/x/3',
    list: [1],
    other: '$nope',
  });
});

const answer = (code: number, body: unknown) => ({ code, headers: {}, text: JSON.stringify(body) });
const names = { theirs: {}, ours: {} };

test('what a server makes up is equal, everything else is a line', () => {
  const uid = '11111111-2222-3333-4444-555555555555';
  const theirs = answer(200, { metadata: { uid, resourceVersion: '5', name: 'a-xyz12', generateName: 'a-' }, data: 1 });
  const ours = answer(201, {
    metadata: { uid: uid.replace('1', '9'), resourceVersion: '7', name: 'a-bcd45', generateName: 'a-' },
  });
  expect(differences(theirs, ours, names)).toEqual(['code: 200 | 201', 'body.data: 1 | -']);
  expect(differences(theirs, theirs, names)).toEqual([]);
});
