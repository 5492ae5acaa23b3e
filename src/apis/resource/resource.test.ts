import { describe, expect, test } from 'vitest';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import deviceClasses from './deviceclasses/definition.ts';
import resourceClaims from './resourceclaims/definition.ts';
import resourceClaimTemplates from './resourceclaimtemplates/definition.ts';
import resourceSlices from './resourceslices/definition.ts';

const exactly = { deviceClassName: 'gpu' };
const claim = (devices: object) => ({ spec: { devices } });
const request = (parts: object) => claim({ requests: [{ name: 'r', ...parts }] });
const reference =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

describe('ResourceClaim', () => {
  test('defaults', () => {
    const { object, problems } = createOf(
      resourceClaims,
      request({ exactly: { ...exactly, tolerations: [{ key: 'k' }] } }),
    );
    expect(problems).toEqual([]);
    expect(object.spec.devices?.requests?.[0]?.exactly).toEqual({
      deviceClassName: 'gpu',
      allocationMode: 'ExactCount',
      count: 1,
      tolerations: [{ key: 'k', operator: 'Equal' }],
    });
  });

  test.each<[string, object, string[]]>([
    ['nothing', {}, []],
    [
      'no way to ask',
      request({}),
      ['spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required'],
    ],
    [
      'two ways to ask',
      request({ exactly, firstAvailable: [{ name: 'a', deviceClassName: 'x' }] }),
      [
        'spec.devices.requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
      ],
    ],
    ['no class', request({ exactly: {} }), ['spec.devices.requests[0].exactly.deviceClassName: Required value']],
    [
      'a count of all',
      request({ exactly: { ...exactly, allocationMode: 'All', count: 2 } }),
      ["spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"],
    ],
    [
      'a mode that is none',
      request({ exactly: { ...exactly, allocationMode: 'Some' } }),
      [
        'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
      ],
    ],
    [
      'one name twice',
      claim({
        requests: [
          { name: 'a', exactly },
          { name: 'a', exactly },
        ],
      }),
      ['spec.devices.requests[1]: Duplicate value: "a"'],
    ],
    [
      'alternatives',
      request({
        firstAvailable: [
          { name: 'x', deviceClassName: 'a', tolerations: [{ operator: 'Exists', value: 'v' }] },
          { name: 'x', deviceClassName: 'b' },
        ],
      }),
      [
        'spec.devices.requests[0].firstAvailable[0].tolerations[0].value: Invalid value: "v": must be empty for operator `Exists`',
        'spec.devices.requests[0].firstAvailable[1]: Duplicate value: "x"',
      ],
    ],
    [
      'references to what is not there',
      claim({
        requests: [{ name: 'a', exactly }],
        constraints: [{ requests: ['b', 'a/c'], matchAttribute: 'plain' }, {}],
      }),
      [
        `spec.devices.constraints[0].requests[0]: Invalid value: "b": ${reference}`,
        `spec.devices.constraints[0].requests[1]: Invalid value: "a/c": ${reference}`,
        'spec.devices.constraints[0].matchAttribute: Invalid value: "plain": a fully qualified name must be a domain and a name separated by a slash',
        'spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      ],
    ],
    [
      'configurations',
      claim({ config: [{}, { opaque: { driver: 'd.example', parameters: [1] } }, { opaque: { driver: 'd' } }] }),
      [
        'spec.devices.config[0].opaque: Required value',
        'spec.devices.config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
        'spec.devices.config[2].opaque.parameters: Required value',
      ],
    ],
    [
      'an empty selector',
      request({ exactly: { ...exactly, selectors: [{}] } }),
      ['spec.devices.requests[0].exactly.selectors[0].cel: Required value'],
    ],
    [
      'more than anyone can have',
      claim({ requests: Array.from({ length: 33 }, (_, i) => ({ name: `r${i}`, exactly })) }),
      ['spec.devices.requests: Too many: 33: must have at most 32 items'],
    ],
    [
      'access that the namespace does not allow',
      request({ exactly: { ...exactly, adminAccess: true } }),
      [
        ': Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace',
      ],
    ],
  ])('%s', (_what, parts, problems) => {
    expect(createOf(resourceClaims, parts).problems).toEqual(problems);
    const template = createOf(resourceClaimTemplates, { spec: parts }).problems;
    expect(template).toEqual(problems.map((one) => one.replace(/^spec\./, 'spec.spec.')));
  });

  test('what it asks for never changes', () => {
    const { object } = createOf(resourceClaims, request({ exactly }));
    const { problems } = updateOf(resourceClaims, object, {});
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^spec: Invalid value: .*: field is immutable$/);
    expect(updateOf(resourceClaims, object, request({ exactly })).problems).toEqual([]);
  });

  describe('status', () => {
    const spec = request({ exactly }).spec;
    const device = { driver: 'd.example', pool: 'p', device: 'gpu-0' };
    const allocation = { devices: { results: [{ request: 'r', ...device }] } };
    const consumer = { resource: 'pods', name: 'p', uid: 'u' };
    const update = (status: object, oldStatus: object = {}, metadata: object = {}) => {
      const part = resourceClaims.subresources?.[0]?.behaviour;
      if (part?.type !== 'part') throw new Error('no status');
      const object = objectOf(resourceClaims, { spec, status, metadata });
      const old = objectOf(resourceClaims, { spec, status: oldStatus, metadata });
      part.prepareForUpdate(object, old, contextOf());
      const problems = part.validateUpdate?.(object, old, contextOf()) ?? [];
      return {
        object,
        problems: problems.map(({ field, type, detail }) => `${field}: ${type} ${detail ?? ''}`.trim()),
      };
    };
    test.each<[string, object, object, string[]]>([
      ['an allocation', { allocation, reservedFor: [consumer] }, {}, []],
      [
        'a reservation of nothing',
        { reservedFor: [consumer] },
        {},
        ['status.reservedFor: Forbidden may not be specified when `allocated` is not set'],
      ],
      [
        'nobody',
        { allocation, reservedFor: [{}] },
        {},
        ['resource', 'name', 'uid'].map((part) => `status.reservedFor[0].${part}: Required`),
      ],
      [
        'of no request',
        { allocation: { devices: { results: [{ ...device, request: 'x' }] } } },
        {},
        [`status.allocation.devices.results[0].request: Invalid ${reference}`],
      ],
      [
        'another allocation',
        { allocation: { devices: {} } },
        { allocation },
        ['status.allocation: Invalid field is immutable'],
      ],
      [
        'a device of somebody else',
        { allocation, devices: [{ ...device, device: 'gpu-1' }] },
        {},
        ['status.devices[0]: Invalid must be an allocated device in the claim'],
      ],
      [
        'addresses',
        { allocation, devices: [{ ...device, networkData: { ips: ['10.0.0.1/24', '10.0.0.1', '::1:0/64'] } }] },
        {},
        [
          'status.devices[0].networkData.ips[1]: Invalid must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
        ],
      ],
    ])('%s', (_what, status, oldStatus, problems) => {
      expect(update(status, oldStatus).problems).toEqual(problems);
    });
    test('nobody new while it is being deleted; devices go with their allocation', () => {
      const deleting = { deletionTimestamp: '2026-01-02T03:04:05Z' };
      expect(update({ allocation, reservedFor: [consumer] }, { allocation }, deleting).problems).toEqual([
        'status.reservedFor: Forbidden new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
      ]);
      const { object, problems } = update({ devices: [device] }, { allocation, devices: [device] });
      expect(problems).toEqual([]);
      expect(object.status).toEqual({});
    });
    test('state', () => {
      const state = (status: object, metadata: object = {}) =>
        cellsOf(resourceClaims, objectOf(resourceClaims, { spec, status, metadata })).State;
      const deletionTimestamp = '2026-01-02T03:04:05Z';
      expect(state({})).toBe('pending');
      expect(state({ allocation })).toBe('allocated');
      expect(state({ allocation, reservedFor: [consumer] })).toBe('allocated,reserved');
      expect(state({ allocation }, { deletionTimestamp })).toBe('deleted,allocated');
    });
  });
});

describe('ResourceSlice', () => {
  const pool = { name: 'p', generation: 1, resourceSliceCount: 1 };
  const slice = (spec: object) => ({ spec: { driver: 'd.example', pool, nodeName: 'n', ...spec } });
  const device = (parts: object) => slice({ devices: [{ name: 'a', ...parts }] });
  const at = 'spec.devices[0]';
  test.each<[string, object, string[]]>([
    ['a device', device({ attributes: { model: { string: 'x' }, 'a.b/v': { version: '1.2.3' } } }), []],
    [
      'nothing',
      { spec: {} },
      [
        'spec.driver: Required value',
        'spec.driver: Invalid value: "": a lowercase RFC 1123 subdomain',
        'spec.pool.name: Required value',
        'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
        'spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required',
      ],
    ],
    [
      'two places',
      slice({ allNodes: true }),
      [
        'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
      ],
    ],
    [
      'attributes',
      device({
        attributes: { 'a-b': { int: 1 }, '/x': { bool: true }, v: { version: '1' }, n: {}, m: { int: 1, bool: true } },
      }),
      [
        `${at}.attributes: Invalid value: "a-b": a valid C identifier must start`,
        `${at}.attributes: Invalid value: "": the domain must not be empty`,
        `${at}.attributes[v].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0`,
        `${at}.attributes[n]: Invalid value: "": exactly one value must be specified`,
        `${at}.attributes[m]: Invalid value: {"int":1,"bool":true}: exactly one value must be specified`,
      ],
    ],
    [
      'taints',
      device({ taints: [{ key: 'k', effect: 'Never' }, { key: 'k' }] }),
      [
        `${at}.taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"`,
        `${at}.taints[1].effect: Required value`,
      ],
    ],
    [
      'capacity that is not shared',
      device({ capacity: { mem: { value: '1Gi', requestPolicy: { default: '1' } } } }),
      [`${at}.capacity[mem].requestPolicy: Forbidden: allowMultipleAllocations must be true`],
    ],
    [
      'a policy of values',
      device({
        allowMultipleAllocations: true,
        capacity: { m: { value: '4', requestPolicy: { default: '3', validValues: ['2', '1', '5'] } } },
      }),
      [
        `${at}.capacity[m].requestPolicy.validValues[1]: Invalid value: "1": values must be sorted in ascending order`,
        `${at}.capacity[m].requestPolicy.validValues[2]: Invalid value: "5": option is larger than capacity value: 4`,
        `${at}.capacity[m].requestPolicy.validValues: Invalid value: "3": default value is not valid according to the requestPolicy`,
      ],
    ],
    [
      'a policy of a range',
      device({
        allowMultipleAllocations: true,
        capacity: { m: { value: '8', requestPolicy: { default: '5', validRange: { min: '2', max: '6', step: '2' } } } },
      }),
      [
        `${at}.capacity[m].requestPolicy.validRange.step: Invalid value: "5": value is not a multiple of a given step (2) from (2)`,
      ],
    ],
    [
      'a place of its own',
      device({ nodeName: 'n' }),
      [
        `${at}: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`,
      ],
    ],
    [
      'binding conditions',
      device({ bindingConditions: ['a', 'a'], bindingFailureConditions: ['a'] }),
      [
        `${at}.bindingConditions[1]: Duplicate value: "a"`,
        `${at}.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`,
      ],
    ],
    [
      'counters',
      slice({ sharedCounters: [{ name: 'c', counters: { A: { value: '1' } } }, { counters: {} }] }),
      [
        'spec.sharedCounters: Invalid value: "A": a lowercase RFC 1123 label',
        'spec.sharedCounters[1].name: Required value',
        'spec.sharedCounters[1].counters: Required value',
      ],
    ],
  ])('%s', (_what, parts, expected) => {
    const { problems } = createOf(resourceSlices, parts);
    expect(problems).toHaveLength(expected.length);
    problems.forEach((one, i) => {
      const wanted = (expected[i] ?? '').replace('spec.sharedCounters: Inv', 'spec.sharedCounters[0].counters: Inv');
      expect(one.slice(0, wanted.length)).toBe(wanted);
    });
  });

  test('driver, pool and node stay; taints are stamped', () => {
    const { object } = createOf(resourceSlices, device({ taints: [{ key: 'k', effect: 'None' }] }));
    expect(object.spec.devices?.[0]?.taints?.[0]?.timeAdded).toBe('2026-01-02T03:04:05Z');
    const { problems } = updateOf(resourceSlices, object, slice({ driver: 'e.example', nodeName: 'm' }));
    expect(problems).toEqual([
      'spec.driver: Invalid value: "e.example": field is immutable',
      'spec.nodeName: Invalid value: "m": field is immutable',
    ]);
    expect(cellsOf(resourceSlices, object)).toMatchObject({ Node: 'n', Driver: 'd.example', Pool: 'p' });
  });
});

test('DeviceClass', () => {
  expect(
    createOf(deviceClasses, { spec: { extendedResourceName: 'cpu', config: [{}], selectors: [{}] } }).problems,
  ).toEqual([
    'spec.selectors[0].cel: Required value',
    'spec.config[0].opaque: Required value',
    'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
  ]);
  expect(createOf(deviceClasses, { spec: { extendedResourceName: 'example.com/gpu' } }).problems).toEqual([]);
});
