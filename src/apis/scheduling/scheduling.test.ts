import { describe, expect, test } from 'vitest';
import { defaultClusterConfig } from '../../ports/index.ts';
import { cellsOf, createOf, updateOf } from '../testing.ts';
import priorityClasses from './priorityclasses/definition.ts';

const reserved =
  "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: ";

describe('PriorityClass', () => {
  test.each<[string, object, string[]]>([
    ['a value', { value: 1_000_000_000 }, []],
    [
      'a high value',
      { value: 1_000_000_001 },
      ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
    ],
    [
      'a reserved name',
      { metadata: { name: 'system-x' } },
      [`${reserved}system-x is not a known system priority class`],
    ],
    [
      'a system class with another value',
      { metadata: { name: 'system-node-critical' }, value: 1 },
      [`${reserved}value of system-node-critical PriorityClass must be 2000001000`],
    ],
    [
      'a system class as the default',
      { metadata: { name: 'system-node-critical' }, value: 2_000_001_000, globalDefault: true },
      [`${reserved}globalDefault of system-node-critical PriorityClass must be false`],
    ],
    [
      'an unknown policy',
      { preemptionPolicy: 'x' },
      ['preemptionPolicy: Unsupported value: "x": supported values: "PreemptLowerPriority", "Never"'],
    ],
  ])('%s', (_what, parts, problems) => {
    expect(createOf(priorityClasses, parts).problems).toEqual(problems);
  });

  test('what never changes', () => {
    const { object } = createOf(priorityClasses, { value: 1 });
    expect(object).toMatchObject({ preemptionPolicy: 'PreemptLowerPriority', metadata: { generation: 1 } });
    expect(updateOf(priorityClasses, object, { value: 2, preemptionPolicy: 'Never' }).problems).toEqual([
      'value: Forbidden: may not be changed in an update.',
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]);
    expect(updateOf(priorityClasses, object, { value: 1, description: 'd', globalDefault: true }).problems).toEqual([]);
    expect(cellsOf(priorityClasses, object)).toMatchObject({ Value: 1, 'Global-Default': false });
  });

  test('the system classes are valid', () => {
    for (const one of priorityClasses.bootstrap?.objects(defaultClusterConfig) ?? [])
      expect(createOf(priorityClasses, one).problems).toEqual([]);
  });
});
