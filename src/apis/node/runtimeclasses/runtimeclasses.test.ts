import { expect, test } from 'vitest';
import { createOf, updateOf } from '../../testing.ts';
import runtimeClasses from './definition.ts';

test('an update is held to what a new one is, and its handler stays', () => {
  const { object, problems } = createOf(runtimeClasses, { handler: 'h' });
  expect(problems).toEqual([]);
  const scheduling = { nodeSelector: { a: 'b c' }, tolerations: [{ key: 'a', operator: 'Odd' }] };
  const wrong = [
    expect.stringMatching(/^scheduling\.nodeSelector: Invalid value: "b c"/),
    'scheduling.tolerations.tolerations[0].operator: Unsupported value: "Odd": supported values: "Equal", "Exists"',
  ];
  expect(createOf(runtimeClasses, { handler: 'h', scheduling }).problems).toEqual(wrong);
  expect(updateOf(runtimeClasses, object, { handler: 'i', scheduling }).problems).toEqual([
    ...wrong,
    'handler: Invalid value: "i": field is immutable',
  ]);
});
