// LimitRange and ResourceQuota.
import { describe, expect, test } from 'vitest';
import { cellsOf, createOf, objectOf, updateOf } from '../testing.ts';
import limitRanges from './limitranges/definition.ts';
import resourceQuotas from './resourcequotas/definition.ts';

describe('LimitRange', () => {
  const range = (...limits: object[]) => ({ spec: { limits } });
  const at = 'spec.limits[0]';
  test('limits come from the maximum, requests from the limit or the minimum', () => {
    const item = { type: 'Container', max: { cpu: '2' }, min: { memory: '1Gi' }, defaultRequest: { cpu: '1' } };
    const { object, problems } = createOf(limitRanges, range(item, { type: 'Pod', max: { cpu: '4' } }));
    expect(problems).toEqual([]);
    expect(object.spec.limits).toEqual([
      { ...item, default: { cpu: '2' }, defaultRequest: { cpu: '1', memory: '1Gi' } },
      { type: 'Pod', max: { cpu: '4' } },
    ]);
  });

  test.each<[string, object, string[]]>([
    [
      'a type of its own',
      range({ type: 'Thing' }, { type: 'a.b/Thing' }),
      [`${at}.type: Invalid value: "Thing": must be a standard limit type or fully qualified`],
    ],
    ['one type twice', range({ type: 'Pod' }, { type: 'Pod' }), ['spec.limits[1].type: Duplicate value: "Pod"']],
    [
      'resources that containers do not have',
      range({ type: 'Container', max: { storage: '1' } }),
      ['max', 'default', 'defaultRequest'].map(
        (bound) => `${at}.${bound}[storage]: Invalid value: "storage": must be a standard resource for containers`,
      ),
    ],
    [
      'defaults of pods',
      range({ type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }),
      ['default', 'defaultRequest'].map(
        (bound) => `${at}.${bound}: Forbidden: may not be specified when \`type\` is 'Pod'`,
      ),
    ],
    [
      'a claim without bounds',
      range({ type: 'PersistentVolumeClaim' }),
      [`${at}.limits: Required value: either minimum or maximum storage value is required, but neither was provided`],
    ],
    [
      'everything out of order',
      range({
        type: 'Container',
        min: { cpu: '4' },
        max: { cpu: '1' },
        default: { cpu: '2' },
        defaultRequest: { cpu: '3' },
      }),
      [
        `${at}.min[cpu]: Invalid value: "4": min value 4 is greater than max value 1`,
        `${at}.defaultRequest[cpu]: Invalid value: "3": min value 4 is greater than default request value 3`,
        `${at}.defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 1`,
        `${at}.defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than default limit value 2`,
        `${at}.default[cpu]: Invalid value: "4": min value 4 is greater than default value 2`,
        `${at}.default[cpu]: Invalid value: "1": default value 2 is greater than max value 1`,
      ],
    ],
    [
      'ratios',
      range({
        type: 'Container',
        maxLimitRequestRatio: { cpu: '0.5', memory: '3' },
        min: { memory: '1' },
        max: { memory: '2' },
      }),
      [
        `${at}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1`,
        `${at}.maxLimitRequestRatio[memory]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000`,
      ],
    ],
    [
      'huge pages',
      range({ type: 'Container', default: { 'hugepages-2Mi': '4Mi' }, defaultRequest: { 'hugepages-2Mi': '2Mi' } }),
      [
        `${at}.defaultRequest[hugepages-2Mi]: Invalid value: "2Mi": default value 4Mi must equal to defaultRequest value 2Mi in hugepages-2Mi`,
      ],
    ],
  ])('%s', (_what, parts, problems) => {
    expect(createOf(limitRanges, parts).problems.sort()).toEqual(problems.sort());
  });
});

describe('ResourceQuota', () => {
  const presence =
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
  const path = 'spec.scopeSelector.matchExpressions';
  const selector = (...matchExpressions: object[]) => ({ hard: { pods: '1' }, scopeSelector: { matchExpressions } });
  test.each<[string, object, string[]]>([
    [
      'what may be bounded',
      {
        hard: { pods: '1', 'requests.hugepages-2Mi': '1', 'count/x.y.z': '1', 'requests.a.b/c': '1', configmaps: '3' },
      },
      [],
    ],
    [
      'what may not',
      { hard: { storage: '1', things: '1', pods: '1.5', cpu: '-1' } },
      [
        'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
        'spec.hard[things]: Invalid value: "things": must be a standard resource type or fully qualified',
        'spec.hard[things]: Invalid value: "things": must be a standard resource for quota',
        'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      ],
    ],
    [
      'scopes',
      { hard: { cpu: '1', configmaps: '1' }, scopes: ['BestEffort', 'NotBestEffort', 'Odd'] },
      [
        ...new Array(3).fill(
          'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Odd"]: unsupported scope applied to resource',
        ),
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Odd"]: unsupported scope',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Odd"]: conflicting scopes',
      ],
    ],
    [
      'selectors',
      selector(
        { scopeName: 'Terminating', operator: 'In', values: ['a'] },
        { scopeName: 'PriorityClass', operator: 'In' },
        { scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] },
        { scopeName: 'Odd', operator: 'Like' },
      ),
      [
        `${path}.operator: Invalid value: "In": ${presence}`,
        `${path}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
        `${path}.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
        `${path}.scopeName: Invalid value: "Odd": unsupported scope`,
        `${path}.operator: Invalid value: "Like": not a valid selector operator`,
      ],
    ],
    [
      'a selector of other resources',
      { ...selector({ scopeName: 'BestEffort', operator: 'Exists' }), hard: { cpu: '1' } },
      [
        `${path}: Invalid value: {"MatchExpressions":[{"ScopeName":"BestEffort","Operator":"Exists","Values":null}]}: unsupported scope applied to resource`,
      ],
    ],
  ])('%s', (_what, spec, problems) => {
    expect(createOf(resourceQuotas, { spec }).problems).toEqual(problems);
  });

  test('scopes never change, nor does a client write the status', () => {
    const { object } = createOf(resourceQuotas, { spec: { scopes: ['BestEffort'] }, status: { hard: { pods: '1' } } });
    expect(object.status).toEqual({});
    expect(updateOf(resourceQuotas, object, { spec: { scopes: ['NotBestEffort'] } }).problems).toEqual([
      'spec.scopes: Invalid value: ["NotBestEffort"]: field is immutable',
    ]);
  });

  test('columns', () => {
    const hard = { 'limits.cpu': '2', pods: '4', 'requests.cpu': '1000m' };
    const quota = objectOf(resourceQuotas, { spec: {}, status: { hard, used: { pods: '1' } } });
    expect(cellsOf(resourceQuotas, quota)).toMatchObject({
      Request: 'pods: 1/4, requests.cpu: 0/1',
      Limit: 'limits.cpu: 0/2',
    });
  });
});
