// SECURITY.md and the table of the CIS benchmark speak of files that exist, and of every check once.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');
const linksOf = (file: string, text: string): string[] =>
  [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !target.includes('://'))
    .map((target) => path.posix.join(path.posix.dirname(file), target));

test.each(['SECURITY.md', 'docs/cis-benchmark.md', 'docs/supply-chain.md'])('%s links to what there is', (file) => {
  const links = linksOf(file, read(file));
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((link) => !fs.existsSync(path.join(root, link)))).toEqual([]);
});

const rows = read('docs/cis-benchmark.md')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, checks = '', , status = '', why = '']) => ({ checks, status, why }));

/** `1.1.1–1.1.3, 1.1.5`. */
const expanded = (checks: string): string[] =>
  checks.split(', ').flatMap((part) => {
    const [first = '', last = first] = part.split('–');
    const section = first.slice(0, first.lastIndexOf('.') + 1);
    const [from, to] = [first, last].map((id) => Number(id.slice(section.length))) as [number, number];
    return Array.from({ length: to - from + 1 }, (_none, index) => `${section}${from + index}`);
  });

test('every check of the control plane and the nodes has one row', () => {
  const sizes = { '1.1': 21, '1.2': 30, '1.3': 7, '1.4': 2, 2: 7, '3.1': 3, '3.2': 2, '4.1': 10, '4.2': 14, '4.3': 1 };
  const wanted = Object.entries(sizes).flatMap(([section, count]) =>
    Array.from({ length: count }, (_none, index) => `${section}.${index + 1}`),
  );
  expect(rows.flatMap(({ checks }) => expanded(checks)).sort()).toEqual(wanted.sort());
});

test('what holds is shown by a file', () => {
  expect(rows.filter(({ status }) => !['holds', 'differs', 'does not apply'].includes(status))).toEqual([]);
  const unshown = rows.filter(({ status, why }) => status === 'holds' && linksOf('docs/x.md', why).length === 0);
  expect(unshown).toEqual([]);
});
