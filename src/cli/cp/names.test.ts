import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteName, nameText, parseSide, parseSides, placeOf, splitPath } from './names.ts';

test.each([
  ['web:/tmp/x', { pod: 'web', path: '/tmp/x' }],
  ['ns/web:x', { namespace: 'ns', pod: 'web', path: 'x' }],
  ['web:a:b', { pod: 'web', path: 'a:b' }],
  ['file', { local: 'file' }],
  ['./a:b', { local: './a:b' }],
  ['../a:b', { local: '../a:b' }],
  ['/a:b', { local: '/a:b' }],
  ['-x', { local: '-x' }],
])('%s', (text, side) => {
  expect(parseSide(text)).toEqual(side);
});

test.each(['', ':x', 'web:', 'a/b/c:x', 'ns/:x', 'web:a\0b'])('%j is refused', (text) => {
  expect(() => parseSide(text)).toThrow();
});

test('one side is in a pod, not both', () => {
  expect(parseSides('a', 'p:b')).toMatchObject({ kind: 'upload', local: 'a' });
  expect(parseSides('p:b', 'a')).toMatchObject({ kind: 'download', local: 'a' });
  expect(() => parseSides('a', 'b')).toThrow(/has to be in a pod/);
  expect(() => parseSides('p:a', 'q:b')).toThrow(/has to be local/);
});

test.each([
  ['x', { parent: '.', base: 'x', folder: false }],
  ['/tmp/x', { parent: '/tmp', base: 'x', folder: false }],
  ['/x//', { parent: '/', base: 'x', folder: true }],
  ['a//x', { parent: 'a', base: 'x', folder: false }],
  ['.', { parent: '.', base: '.', folder: true }],
  ['/', { parent: '/', base: '.', folder: true }],
  ['a/..', { parent: 'a/..', base: '.', folder: true }],
  ['a/./', { parent: 'a/.', base: '.', folder: true }],
  ['-a/-x', { parent: './-a', base: '-x', folder: false }],
  ['-a/.', { parent: './-a/.', base: '.', folder: true }],
])('%s is taken apart', (path, expected) => {
  expect(splitPath(path)).toEqual(expected);
});

test.each([
  ['./x', 'x', []],
  ['x/', 'x', []],
  ['./x/a/./b//c', 'x', ['a', 'b', 'c']],
  ['./', '.', []],
  ['./a', '.', ['a']],
  ['x/...', 'x', ['...']],
])('%s belongs below', (entry, base, place) => {
  expect(placeOf(entry, base)).toEqual(place);
});

test.each([
  ['x/../../y', 'x'],
  ['..', '.'],
  ['/x', 'x'],
  ['y/a', 'x'],
  ['xy', 'x'],
  ['x/a\0b', 'x'],
  ['', 'x'],
  [`x/${'n'.repeat(256)}`, 'x'],
  [`x/${'a/'.repeat(3000)}`, 'x'],
])('%j is refused', (entry, base) => {
  expect(placeOf(entry, base)).toBeTypeOf('string');
});

test('whatever an archive calls it, no step leads up or from the root', () => {
  const parts = fc.constantFrom('x', '..', '.', '', '/', '//', '\\', 'a', '...', ' ', '\0', '~', '-', 'é');
  fc.assert(
    fc.property(fc.array(parts), fc.boolean(), (pieces, slashes) => {
      const place = placeOf(pieces.join(slashes ? '/' : ''), 'x');
      if (typeof place === 'string') return;
      for (const segment of place) {
        expect(segment).not.toMatch(/^\.{0,2}$/);
        expect(segment).not.toMatch(/[/\0]/);
      }
    }),
  );
});

test('names keep their bytes', () => {
  expect(nameText(byteName('grüße\n😀'))).toBe('grüße\n😀');
});
