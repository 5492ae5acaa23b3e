import { describe, expect, test } from 'vitest';
import { cellsOf, createOf, objectOf, updateOf } from '../testing.ts';
import csiDrivers from './csidrivers/definition.ts';
import csiNodes from './csinodes/definition.ts';
import csiStorageCapacities from './csistoragecapacities/definition.ts';
import storageClasses from './storageclasses/definition.ts';
import volumeAttachments from './volumeattachments/definition.ts';
import volumeAttributesClasses from './volumeattributesclasses/definition.ts';

const longName = `${'a'.repeat(64)}.io`;

describe('StorageClass', () => {
  test('defaults', () => {
    const { object, problems } = createOf(storageClasses, { provisioner: 'example.com/disk' });
    expect(problems).toEqual([]);
    expect(object).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    expect(cellsOf(storageClasses, object)).toMatchObject({
      Name: 'x',
      Provisioner: 'example.com/disk',
      ReclaimPolicy: 'Delete',
      VolumeBindingMode: 'Immediate',
      AllowVolumeExpansion: false,
    });
  });

  test.each([
    ['storageclass.kubernetes.io/is-default-class', 'true', 'x (default)'],
    ['storageclass.beta.kubernetes.io/is-default-class', 'true', 'x (default)'],
    ['storageclass.kubernetes.io/is-default-class', 'false', 'x'],
  ])('the annotation %s=%s is shown as %s', (key, value, name) => {
    const object = objectOf(storageClasses, { metadata: { annotations: { [key]: value } }, provisioner: 'p' });
    expect(cellsOf(storageClasses, object).Name).toBe(name);
  });

  const topology = (...terms: [key: string, values: string[]][][]) =>
    terms.map((term) => ({ matchLabelExpressions: term.map(([key, values]) => ({ key, values })) }));

  test.each<[string, object, string[]]>([
    ['no provisioner', {}, ['provisioner: Required value']],
    [
      'odd provisioner',
      { provisioner: 'A/' },
      [
        'provisioner: Invalid value: "a/": name part must be non-empty',
        `provisioner: Invalid value: "a/": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      ],
    ],
    [
      'policies',
      { provisioner: 'p', reclaimPolicy: 'Recycle', volumeBindingMode: 'Later' },
      [
        'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
        'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
      ],
    ],
    [
      'parameters',
      { provisioner: 'p', parameters: { '': 'x', a: 'x'.repeat(256 * 1024) } },
      [
        'parameters: Invalid value: "": field can not be empty.',
        'parameters: Too long: may not be more than 262144 bytes',
      ],
    ],
    [
      'too many parameters',
      { provisioner: 'p', parameters: Object.fromEntries(Array.from({ length: 513 }, (_, i) => [`k${i}`, ''])) },
      ['parameters: Too long: may not be more than 512 bytes'],
    ],
    [
      'topologies',
      {
        provisioner: 'p',
        allowedTopologies: topology(
          [
            ['zone', ['a', 'a']],
            ['zone', []],
          ],
          [['z', ['a', 'b']]],
          [['z', ['b', 'a']]],
        ),
      },
      [
        'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
        'allowedTopologies[0].matchLabelExpressions[1].values: Required value',
        'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"',
        'allowedTopologies[2].matchLabelExpressions: Duplicate value: ""',
      ],
    ],
    [
      'a topology that says nothing equals each empty one that upstream starts from',
      { provisioner: 'p', allowedTopologies: topology([], [['z', ['a']]]) },
      [
        'allowedTopologies[0].matchLabelExpressions: Duplicate value: ""',
        'allowedTopologies[0].matchLabelExpressions: Duplicate value: ""',
      ],
    ],
  ])('%s', (_name, parts, problems) => {
    expect(createOf(storageClasses, parts).problems).toEqual(problems);
  });

  test('little may change', () => {
    const { object: old } = createOf(storageClasses, { provisioner: 'p', parameters: { a: 'b' } });
    const { problems } = updateOf(storageClasses, old, {
      provisioner: 'q',
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    });
    expect(problems).toEqual([
      'parameters: Forbidden: updates to parameters are forbidden.',
      'provisioner: Forbidden: updates to provisioner are forbidden.',
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
    expect(
      updateOf(storageClasses, old, { provisioner: 'p', parameters: { a: 'b' }, allowVolumeExpansion: true }).problems,
    ).toEqual([]);
  });

  test('labels of old are warned of', () => {
    const object = objectOf(storageClasses, {
      provisioner: 'p',
      allowedTopologies: topology([['failure-domain.beta.kubernetes.io/zone', ['a']]]),
    });
    expect(storageClasses.strategy.warnings?.(object, undefined)).toEqual([
      'allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    ]);
  });
});

describe('VolumeAttributesClass', () => {
  test('needs parameters, which never change', () => {
    expect(createOf(volumeAttributesClasses, { driverName: 'd' }).problems).toEqual([
      'parameters: Required value: must contain at least one key/value pair',
    ]);
    const { object: old, problems } = createOf(volumeAttributesClasses, { driverName: 'd', parameters: { a: 'b' } });
    expect(problems).toEqual([]);
    expect(updateOf(volumeAttributesClasses, old, {}).problems).toEqual([
      'driverName: Forbidden: updates to driverName are forbidden.',
      'parameters: Forbidden: updates to parameters are forbidden.',
      'driverName: Required value',
      'parameters: Required value: must contain at least one key/value pair',
    ]);
  });
});

describe('CSIDriver', () => {
  test('defaults', () => {
    const { object, problems } = createOf(csiDrivers, { spec: { preventPodSchedulingIfMissing: true } });
    expect(problems).toEqual([]);
    expect(object.spec).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    });
    expect(cellsOf(csiDrivers, object)).toMatchObject({
      AttachRequired: true,
      PodInfoOnMount: false,
      StorageCapacity: false,
      TokenRequests: '<unset>',
      RequiresRepublish: false,
      Modes: 'Persistent',
    });
  });

  test('every problem at once', () => {
    const { problems } = createOf(csiDrivers, {
      spec: {
        fsGroupPolicy: 'Some',
        volumeLifecycleModes: ['Persistent', 'Eternal'],
        nodeAllocatableUpdatePeriodSeconds: 9,
        tokenRequests: [
          { audience: 'a', expirationSeconds: 599 },
          { audience: 'a', expirationSeconds: 1 },
          { audience: 'b', expirationSeconds: 2 ** 32 + 1 },
        ],
      },
    });
    expect(problems).toEqual([
      'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
      'spec.tokenRequests[2].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
      'spec.volumeLifecycleModes: Unsupported value: "Eternal": supported values: "Persistent", "Ephemeral"',
      'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds',
    ]);
    expect(createOf(csiDrivers, { spec: { serviceAccountTokenInSecrets: false } }).problems).toEqual([
      'spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    ]);
  });

  test('generation counts changes', () => {
    const { object: old } = createOf(csiDrivers, {});
    expect(old.metadata.generation).toBeUndefined();
    const first = updateOf(csiDrivers, old, { spec: { podInfoOnMount: true } });
    expect(first.problems).toEqual([]);
    expect(first.object.metadata.generation).toBe(1);
    const { object } = updateOf(csiDrivers, first.object, {
      metadata: { generation: 1 },
      spec: { requiresRepublish: true },
    });
    expect(object.metadata.generation).toBe(2);
  });

  test('what is fixed at creation', () => {
    const { object: old } = createOf(csiDrivers, {});
    expect(
      updateOf(csiDrivers, old, { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } }).problems,
    ).toEqual([
      'spec.attachedRequired: Invalid value: false: field is immutable',
      'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
    ]);
  });
});

describe('CSINode', () => {
  const driver = { name: 'd.io', nodeID: 'n', topologyKeys: ['zone'] };

  test('drivers', () => {
    const { object, problems } = createOf(csiNodes, { spec: { drivers: [driver] } });
    expect(problems).toEqual([]);
    expect(cellsOf(csiNodes, object).Drivers).toBe(1);
    expect(
      createOf(csiNodes, {
        spec: {
          drivers: [
            driver,
            { ...driver, topologyKeys: ['zone', 'zone', ''] },
            { name: longName, nodeID: 'n'.repeat(257), allocatable: { count: -1 } },
            { name: '', nodeID: '' },
          ],
        },
      }).problems,
    ).toEqual([
      'spec.drivers[1].name: Duplicate value: "d.io"',
      'spec.drivers[1]: Duplicate value: "zone"',
      'spec.drivers[1]: Required value',
      expect.stringContaining('spec.drivers[1]: Invalid value: "": name part must be non-empty'),
      expect.stringContaining('spec.drivers[1]: Invalid value: "": name part must consist of'),
      'spec.drivers[2].name: Too long: may not be more than 63 bytes',
      `spec.drivers[2].nodeID: Invalid value: "${'n'.repeat(257)}": must be 256 characters or less`,
      'spec.drivers[2].allocatable.count: Invalid value: -1: must be greater than or equal to 0',
      'spec.drivers[3].name: Required value',
      expect.stringContaining('spec.drivers[3].name: Invalid value: "": a lowercase RFC 1123 subdomain'),
      'spec.drivers[3].nodeID: Required value',
    ]);
  });

  test('a driver that stays changes its limits only', () => {
    const { object: old } = createOf(csiNodes, { spec: { drivers: [driver] } });
    const update = (changed: object) =>
      updateOf(csiNodes, old, { spec: { drivers: [{ ...driver, ...changed }] } }).problems;
    expect(update({ allocatable: { count: 3 } })).toEqual([]);
    expect(update({ nodeID: 'm' })).toEqual([
      'spec.drivers: Invalid value: {"Name":"d.io","NodeID":"m","TopologyKeys":["zone"],"Allocatable":null}: field is immutable',
    ]);
  });
});

describe('CSIStorageCapacity', () => {
  test('validation', () => {
    expect(createOf(csiStorageCapacities, { storageClassName: 'a', capacity: '1Gi' }).problems).toEqual([]);
    expect(
      createOf(csiStorageCapacities, {
        storageClassName: 'A',
        capacity: '-1',
        nodeTopology: { matchExpressions: [{ key: 'a', operator: 'Near' }] },
      }).problems,
    ).toEqual([
      'nodeTopology.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
      expect.stringContaining('storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain'),
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
    ]);
  });

  test('only the amount changes', () => {
    const { object: old } = createOf(csiStorageCapacities, {
      storageClassName: 'a',
      nodeTopology: { matchLabels: { z: 'a' } },
    });
    expect(updateOf(csiStorageCapacities, old, { storageClassName: 'b', capacity: '2' }).problems).toEqual([
      'nodeTopology: Invalid value: null: field is immutable',
      'storageClassName: Invalid value: "b": field is immutable',
    ]);
  });

  test('labels of old are warned of', () => {
    const object = objectOf(csiStorageCapacities, {
      storageClassName: 'a',
      nodeTopology: {
        matchLabels: { 'beta.kubernetes.io/os': 'linux' },
        matchExpressions: [{ key: 'app.kubernetes.io/created-by', operator: 'Exists' }],
      },
    });
    expect(csiStorageCapacities.strategy.warnings?.(object, undefined)).toEqual([
      'nodeTopology.matchExpressions[0].key: app.kubernetes.io/created-by is deprecated since v1.9',
      'nodeTopology.matchLabels.beta.kubernetes.io/os: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]);
  });
});

describe('VolumeAttachment', () => {
  const spec = { attacher: 'd.io', nodeName: 'n', source: { persistentVolumeName: 'pv' } };

  test('a status is never set at creation', () => {
    const { object, problems } = createOf(volumeAttachments, { spec, status: { attached: true } });
    expect(problems).toEqual([]);
    expect(object.status).toEqual({ attached: false });
    expect(cellsOf(volumeAttachments, object)).toMatchObject({
      Attacher: 'd.io',
      PV: 'pv',
      Node: 'n',
      Attached: false,
    });
  });

  test.each<[string, object, string[]]>([
    [
      'nothing',
      { spec: { source: {} } },
      [
        'spec.attacher: Required value',
        'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
        expect.stringContaining('spec.nodeName: Invalid value: "": a lowercase RFC 1123 subdomain'),
        'spec.attacher: Required value',
        expect.stringContaining('spec.attacher: Invalid value: "": a lowercase RFC 1123 subdomain'),
      ],
    ],
    [
      'both sources',
      { spec: { ...spec, source: { persistentVolumeName: 'pv', inlineVolumeSpec: {} } } },
      ['spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName'],
    ],
    [
      'an inline volume says less',
      {
        spec: {
          ...spec,
          source: {
            inlineVolumeSpec: {
              accessModes: ['ReadWriteOnce'],
              capacity: { storage: '1Gi' },
              persistentVolumeReclaimPolicy: 'Delete',
              storageClassName: 'a',
              volumeMode: 'Block',
              hostPath: { path: '/x' },
            },
          },
        },
      },
      [
        'spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes',
        'spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes',
        'spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes',
        'spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes',
        'spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes',
      ],
    ],
  ])('%s', (_name, parts, problems) => {
    expect(createOf(volumeAttachments, parts).problems).toEqual(problems);
  });

  test('the spec is immutable', () => {
    const { object: old } = createOf(volumeAttachments, { spec });
    expect(updateOf(volumeAttachments, old, { spec: { ...spec, nodeName: 'm' } }).problems).toEqual([
      'spec: Invalid value: {"Attacher":"d.io","Source":{"PersistentVolumeName":"pv","InlineVolumeSpec":null},"NodeName":"m"}: field is immutable',
    ]);
  });

  test('status writes the status, and no metadata', () => {
    const behaviour = volumeAttachments.subresources?.[0]?.behaviour;
    if (behaviour?.type !== 'part') throw new Error('status is a part');
    const { object: old } = createOf(volumeAttachments, { metadata: { labels: { a: 'b' } }, spec });
    const object = objectOf(volumeAttachments, {
      metadata: { labels: { c: 'd' }, finalizers: ['x/y'] },
      spec: { ...spec, nodeName: 'm' },
      status: { attached: true, attachError: { message: 'x'.repeat(1025), errorCode: -1 } },
    });
    behaviour.prepareForUpdate(object, old, undefined as never);
    expect(object).toMatchObject({ metadata: { labels: { a: 'b' } }, spec, status: { attached: true } });
    expect(object.metadata.finalizers).toBeUndefined();
    expect(behaviour.validateUpdate?.(object, old, undefined as never).slice(0, 2)).toEqual([
      { type: 'TooLong', field: 'status.attachError.message', detail: 'may not be more than 262144 bytes' },
      {
        type: 'Invalid',
        field: 'status.attachError.errorCode',
        badValue: -1,
        detail: 'must be between 0 and 2147483647, inclusive',
      },
    ]);
  });
});
