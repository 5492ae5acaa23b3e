import { describe, expect, test } from 'vitest';
import type { Job } from '../../generated/schemas/batch-v1.ts';
import { fieldErrorText } from '../../machinery/errors.ts';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import cronJobs from './cronjobs/definition.ts';
import jobs from './jobs/definition.ts';
import { countIndexes, firstCommonIndex } from './jobs/indexes.ts';

const container = { name: 'main', image: 'busybox:1' };
const template = { spec: { containers: [container], restartPolicy: 'Never' } };
const spec = { template };
const generated = {
  'batch.kubernetes.io/controller-uid': 'u1',
  'batch.kubernetes.io/job-name': 'x',
  'controller-uid': 'u1',
  'job-name': 'x',
};
const indexed = { ...spec, completionMode: 'Indexed', completions: 5 };

describe('jobs', () => {
  test('defaults, generated labels and selector', () => {
    const { object, problems } = createOf(jobs, { spec, status: { active: 3 } });
    expect(problems).toEqual([]);
    expect(object.spec).toMatchObject({
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      manualSelector: false,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
      template: { metadata: { labels: generated } },
    });
    expect(object.metadata.labels).toEqual(generated);
    expect(object.status).toEqual({});
  });

  test('a job may select for itself', () => {
    const own = { manualSelector: true, selector: { matchLabels: { a: 'b' } }, template };
    expect(createOf(jobs, { spec: own }).problems).toEqual([
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
    ]);
    const labelled = { ...template, metadata: { labels: { a: 'b' } } };
    expect(createOf(jobs, { spec: { ...own, template: labelled } }).problems).toEqual([]);
  });

  test.each<[string, object, string[]]>([
    [
      'labels that are generated',
      { template: { ...template, metadata: { labels: { 'job-name': 'y' } } } },
      [
        'spec.template.metadata.labels[job-name]: Invalid value: {"batch.kubernetes.io/controller-uid":"u1","batch.kubernetes.io/job-name":"x","controller-uid":"u1","job-name":"y"}: must be \'x\'',
      ],
    ],
    [
      'pods that are kept running',
      { template: { spec: { containers: [container] } } },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      'negative numbers',
      { ...spec, parallelism: -1, ttlSecondsAfterFinished: -1 },
      [
        'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
        'spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0',
      ],
    ],
    [
      'indexed without completions',
      { ...spec, completionMode: 'Indexed', parallelism: 200_000 },
      [
        'spec.completions: Required value: when completion mode is Indexed',
        'spec.parallelism: Invalid value: 200000: must be less than or equal to 100000 when completion mode is Indexed',
      ],
    ],
    [
      'limits per index of a job without indexes',
      { ...spec, maxFailedIndexes: 1 },
      [
        'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
        'spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode',
      ],
    ],
    [
      'managedBy',
      { ...spec, managedBy: 'me' },
      ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'],
    ],
    [
      'failure policy',
      {
        ...spec,
        podFailurePolicy: {
          rules: [
            { action: 'FailIndex', onExitCodes: { operator: 'In', values: [0, 3, 2, 3] } },
            { onPodConditions: [{ type: 'DisruptionTarget' }] },
            { action: 'Ignore' },
          ],
        },
      },
      [
        'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        'spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
        'spec.podFailurePolicy.rules[0].onExitCodes.values[3]: Duplicate value: 3',
        'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [0,3,2,3]: must be ordered',
        'spec.podFailurePolicy.rules[1].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
        'spec.podFailurePolicy.rules[2]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      ],
    ],
    [
      'success policy',
      {
        ...indexed,
        successPolicy: { rules: [{}, { succeededCount: 6 }, { succeededIndexes: '0-1', succeededCount: 3 }] },
      },
      [
        'spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified',
        'spec.successPolicy.rules[1].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)',
        'spec.successPolicy.rules[2].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
      ],
    ],
    [
      'replacement with a failure policy',
      {
        ...spec,
        podReplacementPolicy: 'TerminatingOrFailed',
        podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] },
      },
      ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ],
  ])('refuses: %s', (_name, parts, problems) => {
    expect(createOf(jobs, { spec: parts }).problems).toEqual(problems);
  });

  test('the last pod of an indexed job needs a hostname', () => {
    const name = 'n'.repeat(62);
    expect(createOf(jobs, { metadata: { name }, spec: indexed }).problems).toEqual([
      `metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-4`,
    ]);
  });

  describe('what may change', () => {
    const base = (parts: object, status = {}): Job => {
      const { object } = createOf(jobs, { spec: parts });
      return { ...object, status };
    };
    const changed = (old: Job, parts: object): string[] =>
      updateOf(jobs, old, { ...structuredClone(old), spec: { ...structuredClone(old.spec), ...parts } }).problems.map(
        (problem) => `${problem.split(':')[0]}: ${problem.split(': ').at(-1)}`,
      );
    const elsewhere = (old: Job) => ({
      template: {
        ...old.spec.template,
        spec: {
          ...old.spec.template.spec,
          nodeSelector: { zone: 'a' },
          containers: [{ ...old.spec.template.spec?.containers[0], resources: { requests: { cpu: '2' } } }],
        },
      },
    });

    test('parallelism and suspension; completions only with parallelism, of an indexed job', () => {
      const old = base(spec);
      expect(changed(old, { parallelism: 3, suspend: true, backoffLimit: 1 })).toEqual([]);
      expect(changed(old, { completions: 3 })).toEqual(['spec.completions: field is immutable']);
      expect(changed(base(indexed), { completions: 3, parallelism: 3 })).toEqual([]);
      expect(changed(base(indexed), { completions: 3 })).toEqual([
        'spec.completions: can only be modified in tandem with spec.parallelism',
      ]);
    });

    test('the selector and the policies never', () => {
      expect(changed(base(indexed), { completionMode: 'NonIndexed' })).toEqual([
        'spec.completionMode: field is immutable',
      ]);
      expect(changed(base(spec), { managedBy: 'acme.io/x' })).toEqual(['spec.managedBy: field is immutable']);
    });

    test('where pods go and what they ask for, while the job is suspended and none is left', () => {
      const running = base(spec);
      expect(changed(running, elsewhere(running))).toEqual(['spec.template: field is immutable']);
      const suspended = base({ ...spec, suspend: true });
      expect(changed(suspended, elsewhere(suspended))).toEqual([]);
      const started = { startTime: '2026-01-02T03:00:00Z' };
      expect(changed({ ...suspended, status: started }, elsewhere(suspended))).toHaveLength(1);
      const marked = { ...started, conditions: [{ type: 'Suspended', status: 'True' }] };
      expect(changed({ ...suspended, status: marked }, elsewhere(suspended))).toEqual([]);
      expect(changed({ ...suspended, status: { ...marked, active: 1 } }, elsewhere(suspended))).toHaveLength(1);
    });
  });

  describe('status', () => {
    const behaviour = jobs.subresources?.[0]?.behaviour;
    const write = (before: object, now: object, parts: object = spec): string[] => {
      if (behaviour?.type !== 'part') throw new Error('no status');
      const { object } = createOf(jobs, { spec: parts });
      const old = { ...object, status: before };
      return (behaviour.validateUpdate?.({ ...object, status: now }, old, contextOf()) ?? []).map(fieldErrorText);
    };
    const on = (...types: string[]) => types.map((type) => ({ type, status: 'True' }));
    const [start, end] = ['2026-01-02T03:00:00Z', '2026-01-02T03:01:00Z'];
    const done = { startTime: start, completionTime: end, conditions: on('SuccessCriteriaMet', 'Complete') };

    test.each<[string, object, object, string[]]>([
      ['completes', { startTime: start, active: 1 }, done, []],
      [
        'completes without times',
        {},
        { conditions: on('Complete') },
        [
          'status.completionTime: Required value: completionTime is required for Complete jobs',
          'status.startTime: Required value: startTime is required for finished job',
        ],
      ],
      [
        'completes and fails',
        {},
        { ...done, conditions: on('Complete', 'Failed') },
        ['status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions'],
      ],
      [
        'completes before it started',
        {},
        { ...done, startTime: end, completionTime: start },
        [`status.completionTime: Invalid value: "${start}": completionTime cannot be set before startTime`],
      ],
      [
        'finishes with pods active',
        {},
        { ...done, active: 1 },
        ['status.active: Invalid value: 1: active>0 is invalid for finished job'],
      ],
      [
        'comes back',
        done,
        { startTime: start, completionTime: end },
        [
          'status.completionTime: Invalid value: "2026-01-02T03:01:00Z": cannot set completionTime when there is no Complete=True condition',
          'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
          'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
        ],
      ],
      [
        'counts down',
        { failed: 2, succeeded: 2 },
        { failed: 1, succeeded: 1 },
        [
          'status.failed: Invalid value: 1: cannot decrease the failed counter',
          'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
        ],
      ],
      [
        'indexes of a job without',
        {},
        { completedIndexes: '0' },
        [
          'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
        ],
      ],
      [
        'uncounted twice',
        {},
        { uncountedTerminatedPods: { succeeded: ['a'], failed: ['a', ''] } },
        [
          'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
          'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
        ],
      ],
    ])('%s', (_name, before, now, problems) => {
      expect(write(before, now)).toEqual(problems);
    });

    test('indexes', () => {
      const parts = { ...indexed, backoffLimitPerIndex: 1 };
      expect(write({}, { completedIndexes: '0-2', failedIndexes: '2,4' }, parts)).toEqual([
        'status.failedIndexes: Invalid value: "2,4": failedIndexes and completedIndexes overlap at index: 2',
      ]);
      expect(write({}, { completedIndexes: '5' }, parts)).toEqual([
        'status.completedIndexes: Invalid value: "5": error parsing completedIndexes: too large index: "5"',
      ]);
    });
  });

  test.each([
    [
      { spec: { completions: 3 }, status: { succeeded: 1, startTime: '2026-01-02T03:00:00Z' } },
      'Running',
      '1/3',
      { since: '2026-01-02T03:00:00Z' },
    ],
    [
      { spec: { parallelism: 4 }, status: { conditions: [{ type: 'Failed', status: 'True' }] } },
      'Failed',
      '0/1 of 4',
      '',
    ],
    [{ spec: {}, status: { conditions: [{ type: 'Suspended', status: 'True' }] } }, 'Suspended', '0/1', ''],
    [
      {
        spec: { completions: 1 },
        status: {
          succeeded: 1,
          startTime: '2026-01-02T03:00:00Z',
          completionTime: '2026-01-02T03:02:05Z',
          conditions: [{ type: 'Complete', status: 'True' }],
        },
      },
      'Complete',
      '1/1',
      '2m5s',
    ],
  ])('columns %#', (parts, status, completions, duration) => {
    expect(cellsOf(jobs, objectOf(jobs, parts))).toMatchObject({
      Status: status,
      Completions: completions,
      Duration: duration,
    });
  });
});

test.each([
  ['', 0, undefined],
  ['0,2-4', 4, undefined],
  ['1,1', 0, 'non-increasing order, previous: 1, current: 1'],
  ['3-2', 0, 'non-increasing order, previous: 3, current: 2'],
  [
    '1-2-3',
    0,
    'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by \'-\'',
  ],
  ['a', 0, 'cannot convert string to integer for index: "a"'],
  ['9', 0, 'too large index: "9"'],
])('indexes %j', (text, count, wrong) => {
  expect(countIndexes(text, 9)).toEqual(wrong === undefined ? { count } : { count, wrong });
});

test('indexes in common', () => {
  expect(firstCommonIndex('0-2,6', '3,5-8', 9)).toBe(6);
  expect(firstCommonIndex('0-2,x,6', '3,5', 9)).toBeUndefined();
});

describe('cron jobs', () => {
  const cron = { schedule: '*/5 * * * *', jobTemplate: { spec } };

  test('defaults; the job’s own come with the job', () => {
    const { object, problems } = createOf(cronJobs, { spec: cron });
    expect(problems).toEqual([]);
    expect(object.spec).toMatchObject({
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    expect(object.spec.jobTemplate.spec?.parallelism).toBeUndefined();
    expect(object.spec.jobTemplate.spec?.template.spec?.restartPolicy).toBe('Never');
  });

  test.each<[string, object, string[]]>([
    ['no schedule', { schedule: '' }, ['spec.schedule: Required value']],
    [
      'schedule',
      { schedule: '* * * *' },
      ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]'],
    ],
    [
      'zone in the schedule',
      { schedule: 'TZ=UTC 0 * * * *' },
      [
        'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
    ],
    ['zone', { timeZone: 'Nowhere' }, ['spec.timeZone: Invalid value: "Nowhere": unknown time zone Nowhere']],
    [
      'local zone',
      { timeZone: 'Local' },
      [
        'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ],
    ],
    ['empty zone', { timeZone: '' }, ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']],
    [
      'policy and numbers',
      { concurrencyPolicy: 'Magic', startingDeadlineSeconds: -1, failedJobsHistoryLimit: -1 },
      [
        'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
        'spec.concurrencyPolicy: Unsupported value: "Magic": supported values: "Allow", "Forbid", "Replace"',
        'spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
      ],
    ],
    [
      'a selector',
      { jobTemplate: { spec: { ...spec, selector: {}, manualSelector: true } } },
      [
        'spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated',
        'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
      ],
    ],
  ])('refuses: %s', (_name, parts, problems) => {
    expect(createOf(cronJobs, { spec: { ...cron, ...parts } }).problems).toEqual(problems);
  });

  test('names leave room for the jobs’', () => {
    const name = 'n'.repeat(53);
    const { object, problems } = createOf(cronJobs, { metadata: { name }, spec: cron });
    expect(problems).toEqual([`metadata.name: Invalid value: "${name}": must be no more than 52 characters`]);
    expect(updateOf(cronJobs, object, { metadata: { name }, spec: cron }).problems).toEqual([]);
  });

  test('columns', () => {
    const object = objectOf(cronJobs, { spec: cron, status: { active: [{}] } });
    expect(cellsOf(cronJobs, object)).toMatchObject({
      Schedule: '*/5 * * * *',
      Timezone: '<none>',
      Suspend: '<unset>',
      Active: 1,
      'Last Schedule': '<none>',
      Containers: 'main',
    });
  });
});
