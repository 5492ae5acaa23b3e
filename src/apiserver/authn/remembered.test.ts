import { expect, test } from 'vitest';
import { Remembered } from './remembered.ts';

test('what is remembered is bounded; what came first goes first', () => {
  const remembered = new Remembered<number>(10);
  for (const [index, text] of ['aaaa', 'bbbb', 'cc'].entries()) remembered.set(text, index);
  expect(['aaaa', 'bbbb', 'cc'].map((text) => remembered.get(text))).toEqual([0, 1, 2]);
  remembered.set('aaaa', 7);
  remembered.set('d', 3);
  expect(['aaaa', 'bbbb', 'cc', 'd'].map((text) => remembered.get(text))).toEqual([undefined, 1, 2, 3]);
  remembered.set('e'.repeat(11), 4);
  expect(remembered.size).toBe(0);
  remembered.set('aaaa', 5);
  expect(remembered.get('aaaa')).toBe(5);
  remembered.clear();
  expect([remembered.size, remembered.get('aaaa')]).toEqual([0, undefined]);
});
