import { expect, test } from 'vitest';
import { fieldErrorText } from '../../machinery/errors.ts';
import { cellsOf, contextOf, createOf, objectOf } from '../testing.ts';
import budgets from './poddisruptionbudgets/definition.ts';

const selector = { matchLabels: { a: 'b' } };

test('a new budget allows nothing', () => {
  const { object, problems } = createOf(budgets, {
    spec: { minAvailable: '50%', selector },
    status: { disruptionsAllowed: 5 },
  });
  expect(problems).toEqual([]);
  expect(object.status).toEqual({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 });
});

test.each<[object, string[]]>([
  [
    { minAvailable: 1, maxUnavailable: '20%' },
    [
      'spec: Invalid value: {"MinAvailable":1,"MaxUnavailable":"20%","Selector":null,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  ],
  [{ minAvailable: -1 }, ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']],
  [{ maxUnavailable: '101%' }, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
  [
    { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    ["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  ],
  [
    { unhealthyPodEvictionPolicy: 'Never' },
    ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
  ],
])('validation %#', (spec, problems) => {
  expect(createOf(budgets, { spec }).problems).toEqual(problems);
});

test('the status is checked', () => {
  const status = budgets.subresources?.[0]?.behaviour;
  if (status?.type !== 'part') throw new Error('no status');
  const { object } = createOf(budgets, { spec: { selector } });
  const condition = { type: 'a b', status: 'Maybe', observedGeneration: -1, reason: '1' };
  const now = { ...object, status: { ...object.status, expectedPods: -1, conditions: [condition] as never[] } };
  expect(
    (status.validateUpdate?.(now, object, contextOf()) ?? []).map((one) => fieldErrorText(one).slice(0, 60)),
  ).toEqual([
    'status.conditions[0].type: Invalid value: "a b": name part m',
    'status.conditions[0].status: Unsupported value: "Maybe": sup',
    'status.conditions[0].observedGeneration: Invalid value: -1: ',
    'status.conditions[0].lastTransitionTime: Required value',
    'status.conditions[0].reason: Invalid value: "1": a condition',
    'status.expectedPods: Invalid value: -1: must be greater than',
  ]);
});

test('columns', () => {
  const object = objectOf(budgets, { spec: { maxUnavailable: 1 }, status: { disruptionsAllowed: 2 } });
  expect(cellsOf(budgets, object)).toMatchObject({
    'Min Available': 'N/A',
    'Max Unavailable': '1',
    'Allowed Disruptions': 2,
  });
});
