import { describe, expect, test } from 'vitest';
import replicationControllers from '../core/replicationcontrollers/definition.ts';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import controllerRevisions from './controllerrevisions/definition.ts';
import daemonSets from './daemonsets/definition.ts';
import statefulSets from './statefulsets/definition.ts';

const container = { name: 'web', image: 'nginx:1' };
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } };
const selector = { matchLabels: { app: 'web' } };
const spec = { selector, template };
const unmatched = 'Invalid value: {"app":"web"}: `selector` does not match template `labels`';

describe('daemon sets', () => {
  const annotation = 'deprecated.daemonset.template.generation';

  test('defaults, an empty status, the generation of the template', () => {
    const { object, problems } = createOf(daemonSets, { spec, status: { numberReady: 3 } });
    expect(problems).toEqual([]);
    expect(object.spec).toMatchObject({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
    });
    expect(object.status).toEqual({
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    });
    expect(object.metadata.annotations).toEqual({ [annotation]: '1' });
  });

  test('the generation of the template rises with it, whatever the client says', () => {
    const old = createOf(daemonSets, { spec }).object;
    const same = updateOf(daemonSets, old, { spec, metadata: { annotations: { [annotation]: '7' } } });
    expect(same.object.metadata.annotations).toEqual({ [annotation]: '1' });
    const other = { ...template, spec: { containers: [{ ...container, image: 'nginx:2' }] } };
    const next = updateOf(daemonSets, old, { spec: { ...spec, template: other } });
    expect(next.object.metadata.annotations).toEqual({ [annotation]: '2' });
    expect(() => updateOf(daemonSets, old, { spec, metadata: { annotations: { [annotation]: 'x' } } })).toThrow(
      'strconv.ParseInt: parsing "x": invalid syntax',
    );
  });

  test.each<[string, object, string[]]>([
    // An absent selector takes nothing: upstream says no more.
    ['no selector', { template }, [`spec.template.metadata.labels: ${unmatched}`]],
    [
      'empty selector',
      { selector: {}, template },
      ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset'],
    ],
    [
      'both surge and unavailability',
      { ...spec, updateStrategy: { rollingUpdate: { maxSurge: '20%' } } },
      [
        'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "20%": may not be set when maxUnavailable is non-zero',
      ],
    ],
    [
      'neither',
      { ...spec, updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } },
      ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
    ],
    [
      'strategy',
      { ...spec, updateStrategy: { type: 'Magic' } },
      [
        'spec.updateStrategy: Unsupported value: {"Type":"Magic","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
      ],
    ],
    [
      'a pod that ends',
      { ...spec, template: { ...template, spec: { containers: [container], restartPolicy: 'Never' } } },
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
  ])('refuses: %s', (_name, parts, problems) => {
    expect(createOf(daemonSets, { spec: parts }).problems).toEqual(problems);
  });

  test('an update says what is wrong with the spec twice, as upstream does, and keeps the selector', () => {
    const old = createOf(daemonSets, { spec }).object;
    const { problems } = updateOf(daemonSets, old, { spec: { selector: { matchLabels: { app: 'db' } }, template } });
    expect(problems).toEqual([
      `spec.template.metadata.labels: ${unmatched}`,
      `spec.template.metadata.labels: ${unmatched}`,
      'spec.selector: Invalid value: {"matchLabels":{"app":"db"}}: field is immutable',
    ]);
  });
});

describe('stateful sets', () => {
  const resources = { requests: { storage: '1Gi' } };
  const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources } };

  test('defaults', () => {
    const { object, problems } = createOf(statefulSets, { spec: { ...spec, volumeClaimTemplates: [claim] } });
    expect(problems).toEqual([]);
    expect(object.spec).toMatchObject({
      replicas: 1,
      serviceName: '',
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          spec: { volumeMode: 'Filesystem' },
          status: { phase: 'Pending' },
        },
      ],
    });
    expect(object.status).toEqual({ replicas: 0, availableReplicas: 0 });
  });

  test('containers may mount what the set will claim', () => {
    const mounting = { ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] };
    const mounted = { ...spec, template: { ...template, spec: { containers: [mounting] } } };
    expect(createOf(statefulSets, { spec: { ...mounted, volumeClaimTemplates: [claim] } }).problems).toEqual([]);
    expect(createOf(statefulSets, { spec: mounted }).problems).toEqual([
      'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
    ]);
  });

  test('claims are those of a new claim, and not looked at again', () => {
    const wrong = {
      ...spec,
      volumeClaimTemplates: [claim, { spec: { volumeMode: 'Odd' } }, { spec: { ...claim.spec, accessModes: ['Odd'] } }],
    };
    expect(createOf(statefulSets, { spec: wrong }).problems).toEqual([
      'spec.volumeClaimTemplates[1].spec.accessModes: Required value: at least 1 access mode is required',
      'spec.volumeClaimTemplates[1].spec.resources[storage]: Required value',
      'spec.volumeClaimTemplates[1].spec.volumeMode: Unsupported value: "Odd": supported values: "Block", "Filesystem"',
      'spec.volumeClaimTemplates[2].spec.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ]);
    const old = createOf(statefulSets, { spec: wrong }).object;
    expect(updateOf(statefulSets, old, { spec: { ...wrong, replicas: 3 } }).problems).toEqual([]);
    expect(updateOf(statefulSets, old, { spec: { ...wrong, volumeClaimTemplates: [{}] } }).problems).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });

  test.each<[string, object, string[]]>([
    [
      'policies',
      { podManagementPolicy: 'Magic', persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep' } },
      [
        "spec.podManagementPolicy: Invalid value: \"Magic\": must be 'OrderedReady' or 'Parallel'",
        'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
      ],
    ],
    [
      'strategy',
      { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } },
      [
        'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
      ],
    ],
    [
      'numbers',
      { replicas: -1, minReadySeconds: -2, ordinals: { start: -3 } },
      [
        'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
        'spec.minReadySeconds: Invalid value: -2: must be greater than or equal to 0',
        'spec.ordinals.start: Invalid value: -3: must be greater than or equal to 0',
      ],
    ],
  ])('refuses: %s', (_name, parts, problems) => {
    expect(createOf(statefulSets, { spec: { ...spec, ...parts } }).problems).toEqual(problems);
  });

  test('an update may change some fields, and says once what is wrong', () => {
    const old = createOf(statefulSets, { spec: { ...spec, serviceName: 'a' } }).object;
    const change = (parts: object) =>
      updateOf(statefulSets, old, { spec: { ...spec, serviceName: 'a', ...parts } }).problems;
    expect(change({ replicas: 5, minReadySeconds: 1, revisionHistoryLimit: 1, ordinals: { start: 1 } })).toEqual([]);
    expect(change({ replicas: -1 })).toEqual(['spec.replicas: Invalid value: -1: must be greater than or equal to 0']);
    expect(change({ serviceName: 'b' })).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });

  test('columns', () => {
    const object = objectOf(statefulSets, { spec: { ...spec, replicas: 3 }, status: { readyReplicas: 2 } });
    expect(cellsOf(statefulSets, object)).toEqual({
      Name: 'x',
      Ready: '2/3',
      Age: { since: '2026-01-02T03:04:05Z' },
      Containers: 'web',
      Images: 'nginx:1',
    });
  });
});

describe('replication controllers', () => {
  test('labels and selector are the template’s, where absent', () => {
    const { object, problems } = createOf(replicationControllers, { spec: { template } });
    expect(problems).toEqual([]);
    expect(object.metadata.labels).toEqual({ app: 'web' });
    expect(object.spec).toMatchObject({ replicas: 1, selector: { app: 'web' } });
    expect(createOf(replicationControllers, { spec: { template, selector: { app: 'db' } } }).problems).toEqual([
      `spec.template.metadata.labels: ${unmatched}`,
    ]);
    expect(createOf(replicationControllers, {}).problems).toEqual([
      'spec.selector: Required value',
      'spec.template: Required value',
    ]);
  });

  test('scale tells the selector as text', () => {
    const scale = replicationControllers.subresources?.find((one) => one.name === 'scale')?.behaviour;
    if (scale?.type !== 'projection') throw new Error('no scale');
    const { object } = createOf(replicationControllers, { spec: { template, replicas: 2 } });
    expect(scale.read(object)).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 0, selector: 'app=web' } });
    expect(scale.write(object, { spec: { replicas: 0 } }, contextOf())).toEqual([]);
    expect(object.spec.replicas).toBe(0);
  });
});

describe('controller revisions', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true };

  test('data must be there and stay', () => {
    expect(createOf(controllerRevisions, { revision: -1 }).problems).toEqual([
      'data: Required value: data is mandatory',
      'revision: Invalid value: -1: must be greater than or equal to 0',
    ]);
    const old = createOf(controllerRevisions, { data: { a: 1 }, revision: 1 }).object;
    expect(updateOf(controllerRevisions, old, { data: { a: 1 }, revision: 2 }).problems).toEqual([]);
    expect(updateOf(controllerRevisions, old, { data: { a: 2 }, revision: 1 }).problems).toEqual([
      'data: Invalid value: {"a":2}: field is immutable',
    ]);
  });

  test('columns', () => {
    const cells = (metadata: object) =>
      cellsOf(controllerRevisions, objectOf(controllerRevisions, { metadata, revision: 4 }));
    expect(cells({ ownerReferences: [owner] })).toMatchObject({ Controller: 'daemonset.apps/d', Revision: 4 });
    expect(cells({})).toMatchObject({ Controller: '<none>' });
  });
});
