import { describe, expect, test } from 'vitest';
import type { FlowSchema, PriorityLevelConfiguration } from '../../generated/schemas/flowcontrol-v1.ts';
import { copyJson } from '../../machinery/schema/json.ts';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import { bootstrapFlowSchemas } from './flowschemas/bootstrap.ts';
import flowSchemas from './flowschemas/definition.ts';
import { bootstrapLevels } from './prioritylevelconfigurations/bootstrap.ts';
import levels from './prioritylevelconfigurations/definition.ts';

const subjects = [{ kind: 'User', user: { name: 'u' } }];
const resourceRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] };
const flowSpec = {
  priorityLevelConfiguration: { name: 'global-default' },
  rules: [{ subjects, resourceRules: [resourceRule] }],
};
const withRule = (rule: object) => ({ ...flowSpec, rules: [{ subjects, ...rule }] });
const withSubject = (subject: object) => ({
  ...flowSpec,
  rules: [{ subjects: [subject], resourceRules: [resourceRule] }],
});
const verbs = '"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"';

describe('flow schemas', () => {
  test('defaults, status', () => {
    const { object, problems } = createOf(flowSchemas, { spec: flowSpec, status: { conditions: [{ type: 'x' }] } });
    expect(problems).toEqual([]);
    expect(object.spec.matchingPrecedence).toBe(1000);
    expect(object.status).toEqual({});
  });

  test.each<[string, object, string[]]>([
    ['empty', {}, ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level']],
    [
      'precedence',
      { ...flowSpec, matchingPrecedence: -1 },
      ['spec.matchingPrecedence: Invalid value: -1: must be a positive value'],
    ],
    [
      'precedence',
      { ...flowSpec, matchingPrecedence: 10001 },
      ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000'],
    ],
    [
      'precedence',
      { ...flowSpec, matchingPrecedence: 1 },
      ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
    ],
    [
      'distinguisher',
      { ...flowSpec, distinguisherMethod: { type: 'x' } },
      ['spec.distinguisherMethod.type: Unsupported value: {"Type":"x"}: supported values: "ByNamespace", "ByUser"'],
    ],
    [
      'no subject',
      { ...flowSpec, rules: [{ resourceRules: [resourceRule] }] },
      ['spec.rules[0].subjects: Required value: subjects must contain at least one value'],
    ],
    [
      'no rule',
      withRule({}),
      ['spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty'],
    ],
    [
      'kind',
      withSubject({ kind: 'toString' }),
      [
        'spec.rules[0].subjects[0].kind: Unsupported value: "toString": supported values: "Group", "ServiceAccount", "User"',
      ],
    ],
    [
      'user',
      withSubject({ kind: 'User', group: { name: 'g' } }),
      [
        "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
        "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
      ],
    ],
    [
      'account',
      withSubject({ kind: 'ServiceAccount', user: { name: 'u' }, group: { name: 'g' }, serviceAccount: { name: '' } }),
      [
        'spec.rules[0].subjects[0].serviceAccount.name: Required value',
        'spec.rules[0].subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account',
        "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'",
        "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
      ],
    ],
    [
      'verbs',
      withRule({ resourceRules: [{ ...resourceRule, verbs: ['get', 'fly'] }] }),
      [`spec.rules[0].resourceRules[0].verbs: Unsupported value: ["get","fly"]: supported values: ${verbs}`],
    ],
    [
      'wildcards',
      withRule({
        resourceRules: [
          { verbs: ['*', 'get'], apiGroups: ['*', ''], resources: ['pods', '*'], namespaces: ['*', 'a'] },
        ],
      }),
      [
        `spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`,
        `spec.rules[0].resourceRules[0].apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other api groups`,
        `spec.rules[0].resourceRules[0].resources: Invalid value: ["pods","*"]: if '*' is present, must not specify other resources`,
        `spec.rules[0].resourceRules[0].namespaces: Invalid value: ["*","a"]: if '*' is present, must not specify other namespaces`,
      ],
    ],
    [
      'empty rule',
      withRule({ resourceRules: [{}] }),
      [
        'spec.rules[0].resourceRules[0].verbs: Required value: verbs must contain at least one value',
        'spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group',
        'spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply at least one resource',
        'spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace',
      ],
    ],
    [
      'namespace',
      withRule({ resourceRules: [{ ...resourceRule, namespaces: ['A'] }] }),
      [
        expect.stringMatching(
          /^spec\.rules\[0\]\.resourceRules\[0\]\.namespaces\[0\]: Invalid value: "A": each member of this list must be '\*' or a DNS-1123 label; a lowercase RFC 1123 label/,
        ) as never,
      ],
    ],
    [
      'paths',
      withRule({
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['', '/', 'a', '/a b', '//', '/*/*', '/a*', '/a/*'] }],
      }),
      [
        'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "": must not be empty',
        'spec.rules[0].nonResourceRules[0].nonResourceURLs[2]: Invalid value: "a": must start with slash',
        'spec.rules[0].nonResourceRules[0].nonResourceURLs[3]: Invalid value: "/a b": must not contain white-space',
        'spec.rules[0].nonResourceRules[0].nonResourceURLs[4]: Invalid value: "//": must not contain double slash',
        'spec.rules[0].nonResourceRules[0].nonResourceURLs[5]: Invalid value: "/*/*": wildcard can only do suffix matching',
        'spec.rules[0].nonResourceRules[0].nonResourceURLs[6]: Invalid value: "/a*": wildcard can only do suffix matching',
      ],
    ],
  ])('%s', (_, spec, problems) => {
    expect(createOf(flowSchemas, { spec }).problems).toEqual(problems);
  });

  test('mandatory ones cannot be changed', () => {
    const live = objectOf(flowSchemas, bootstrapFlowSchemas[0] as object);
    expect(updateOf(flowSchemas, live, live).problems).toEqual([]);
    expect(updateOf(flowSchemas, live, { ...live, spec: { ...live.spec, rules: [] } }).problems).toEqual([
      `spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"exempt"},"MatchingPrecedence":1,"DistinguisherMethod":null,"Rules":[]}: spec of 'exempt' must equal the fixed value`,
    ]);
  });

  test('status changes conditions and no metadata', () => {
    const status = flowSchemas.subresources?.[0]?.behaviour;
    if (status?.type !== 'part') throw new Error('no status');
    const old = objectOf(flowSchemas, { spec: flowSpec, status: {} });
    const object = objectOf(flowSchemas, {
      metadata: { labels: { a: 'b' } },
      spec: {},
      status: { conditions: [{ type: 'Dangling' }, { type: 'Dangling' }, {}] },
    });
    status.prepareForUpdate(object, old, contextOf());
    expect(object.metadata).toEqual(old.metadata);
    expect(object.spec).toEqual(old.spec);
    expect(status.validateUpdate?.(object, old, contextOf()).map(({ field, type }) => [field, type])).toEqual([
      ['status.conditions[1].type', 'Duplicate'],
      ['status.conditions[2].type', 'Required'],
    ]);
  });

  test('columns', () => {
    const object = objectOf(flowSchemas, { spec: { ...flowSpec, matchingPrecedence: 7 }, status: {} });
    expect(cellsOf(flowSchemas, object)).toMatchObject({
      PriorityLevel: 'global-default',
      MatchingPrecedence: 7,
      DistinguisherMethod: '<none>',
      MissingPL: '?',
    });
    object.status = { conditions: [{ type: 'Dangling', status: 'True' }] };
    expect(cellsOf(flowSchemas, object).MissingPL).toBe('True');
  });
});

const queuing = { queues: 64, handSize: 8, queueLengthLimit: 50 };
const limited = (queue: object, more: object = {}) => ({
  type: 'Limited',
  limited: { limitResponse: { type: 'Queue', queuing: queue }, ...more },
});

describe('priority levels', () => {
  test('defaults', () => {
    expect(createOf(levels, { spec: limited({}) })).toMatchObject({
      object: { spec: limited(queuing, { nominalConcurrencyShares: 30, lendablePercent: 0 }) },
      problems: [],
    });
    expect(createOf(levels, { spec: limited({}, { nominalConcurrencyShares: 0 }) }).object.spec.limited).toMatchObject({
      nominalConcurrencyShares: 0,
    });
  });

  test.each<[string, object, string[]]>([
    ['empty', {}, ['spec.type: Unsupported value: "": supported values: "Exempt", "Limited"']],
    [
      'exempt',
      { type: 'Exempt', limited: {} },
      [
        "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'",
        'spec.limited: Forbidden: must be nil if the type is not Limited',
      ],
    ],
    [
      'limited',
      { type: 'Limited', exempt: {} },
      [
        'spec.exempt: Forbidden: must be nil if the type is Limited',
        'spec.limited: Required value: must not be empty when type is Limited',
      ],
    ],
    [
      'response',
      { type: 'Limited', limited: {} },
      ['spec.limited.limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject"'],
    ],
    [
      'reject',
      { type: 'Limited', limited: { limitResponse: { type: 'Reject', queuing } } },
      ['spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited'],
    ],
    [
      'queue',
      { type: 'Limited', limited: { limitResponse: { type: 'Queue' } } },
      [
        'spec.limited.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited',
      ],
    ],
    [
      'numbers',
      limited(queuing, { nominalConcurrencyShares: -1, lendablePercent: 101, borrowingLimitPercent: -1 }),
      [
        'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
        'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
        'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
      ],
    ],
    [
      'negative',
      limited({ queues: -1, handSize: -1, queueLengthLimit: -1 }),
      [
        'spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive',
        'spec.limited.limitResponse.queuing.queues: Invalid value: -1: must be positive',
        'spec.limited.limitResponse.queuing.handSize: Invalid value: -1: must be positive',
      ],
    ],
    [
      'hand',
      limited({ queues: 4, handSize: 5 }),
      ['spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (4)'],
    ],
    [
      'entropy',
      limited({ queues: 128, handSize: 10 }),
      [
        'spec.limited.limitResponse.queuing.handSize: Invalid value: 10: required entropy bits of deckSize 128 and handSize 10 should not be greater than 60',
      ],
    ],
    [
      'queues',
      limited({ queues: 10_000_001, handSize: 1 }),
      ['spec.limited.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than 10000000'],
    ],
  ])('%s', (_, spec, problems) => {
    expect(createOf(levels, { spec }).problems).toEqual(problems);
  });

  test('of the exempt level only spec.exempt can be changed, of the catch-all nothing', () => {
    const [exempt, catchAll] = bootstrapLevels.map((one) => objectOf(levels, one)) as PriorityLevelConfiguration[];
    const lending = { type: 'Exempt', exempt: { nominalConcurrencyShares: 5, lendablePercent: 50 } };
    expect(updateOf(levels, exempt as never, { ...exempt, spec: lending }).problems).toEqual([]);
    expect(updateOf(levels, exempt as never, { ...exempt, spec: { type: 'Limited' } }).problems.at(-1)).toBe(
      `spec: Invalid value: {"Type":"Limited","Limited":null,"Exempt":null}: spec of 'exempt' except the 'spec.exempt' field must equal the fixed value`,
    );
    expect(updateOf(levels, catchAll as never, { ...catchAll, spec: limited(queuing) }).problems).toEqual([
      `spec: Invalid value: {"Type":"Limited","Limited":{"NominalConcurrencyShares":30,"LimitResponse":{"Type":"Queue","Queuing":{"Queues":64,"HandSize":8,"QueueLengthLimit":50}},"LendablePercent":0,"BorrowingLimitPercent":null},"Exempt":null}: spec of 'catch-all' must equal the fixed value`,
    ]);
  });

  test('columns', () => {
    expect(cellsOf(levels, objectOf(levels, bootstrapLevels[1] as object))).toMatchObject({
      Type: 'Limited',
      NominalConcurrencyShares: 5,
      Queues: '<none>',
    });
  });
});

describe('bootstrap', () => {
  test.each([...bootstrapFlowSchemas])('$metadata.name is valid', (one) => {
    expect(createOf(flowSchemas, copyJson(one)).problems).toEqual([]);
  });
  test.each([...bootstrapLevels])('$metadata.name is valid', (one) => {
    expect(createOf(levels, copyJson(one)).problems).toEqual([]);
  });

  const of = (name: string, change: (live: FlowSchema) => void) => {
    const wanted = bootstrapFlowSchemas.find((one) => one.metadata.name === name) as FlowSchema;
    const live = objectOf(flowSchemas, copyJson(wanted));
    live.metadata.generation = 1;
    change(live);
    return flowSchemas.bootstrap?.reconcile?.(live, wanted);
  };
  const key = 'apf.kubernetes.io/autoupdate-spec';
  test.each<[string, string, (live: FlowSchema) => void, object | undefined]>([
    ['what agrees is left alone', 'probes', () => {}, undefined],
    [
      'a changed spec follows',
      'probes',
      (live) => {
        live.spec.matchingPrecedence = 3;
      },
      { metadata: { annotations: { [key]: 'true' } }, spec: { matchingPrecedence: 2 } },
    ],
    [
      'unless the operator says otherwise',
      'probes',
      (live) => {
        live.spec.matchingPrecedence = 3;
        live.metadata.annotations = { [key]: 'false' };
      },
      undefined,
    ],
    [
      'without annotation what was never changed follows',
      'probes',
      (live) => {
        live.spec.matchingPrecedence = 3;
        live.metadata.annotations = {};
      },
      { metadata: { annotations: { [key]: 'true' } }, spec: { matchingPrecedence: 2 } },
    ],
    [
      'and what was changed does not',
      'probes',
      (live) => {
        live.spec.matchingPrecedence = 3;
        live.metadata.annotations = {};
        live.metadata.generation = 2;
      },
      { metadata: { annotations: { [key]: 'false' } }, spec: { matchingPrecedence: 3 } },
    ],
    [
      'a mandatory one follows whatever it says',
      'exempt',
      (live) => {
        live.metadata.annotations = { [key]: 'false' };
      },
      { metadata: { annotations: { [key]: 'true' } } },
    ],
    [
      'one without annotation is the operator’s',
      'workload-leader-election',
      (live) => {
        live.spec.matchingPrecedence = 3;
      },
      undefined,
    ],
  ])('%s', (_, name, change, expected) => {
    const replacement = of(name, change);
    if (expected) expect(replacement).toMatchObject(expected);
    else expect(replacement).toBeUndefined();
  });

  test('an annotated object of an earlier release is left over', () => {
    const leftOver = flowSchemas.bootstrap?.leftOver as (live: FlowSchema) => boolean;
    const named = (name: string, value?: string) =>
      objectOf(flowSchemas, {
        metadata: { name, ...(value ? { annotations: { [key]: value } } : {}) },
        spec: flowSpec,
      });
    expect([named('old', 'true'), named('old', 'false'), named('own'), named('probes', 'true')].map(leftOver)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
