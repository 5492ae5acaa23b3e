import { describe, expect, test } from 'vitest';
import endpointSlices from '../discovery/endpointslices/definition.ts';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import configMaps from './configmaps/definition.ts';
import endpoints from './endpoints/definition.ts';
import events from './events/definition.ts';
import namespaces from './namespaces/definition.ts';
import nodes from './nodes/definition.ts';
import secrets from './secrets/definition.ts';

describe('namespaces', () => {
  test('create', () => {
    const { object, problems } = createOf(namespaces, { metadata: { name: 'team' }, status: { phase: 'Terminating' } });
    expect(problems).toEqual([]);
    expect(object.spec).toEqual({ finalizers: ['kubernetes'] });
    expect(object.status).toEqual({ phase: 'Active' });
    expect(object.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': 'team' });
    expect(namespaces.strategy.finalizers?.(object)).toEqual(['kubernetes']);
  });
  test('only finalize changes the finalizers', () => {
    const old = createOf(namespaces, {}).object;
    expect(updateOf(namespaces, old, { spec: {} }).object.spec).toEqual({ finalizers: ['kubernetes'] });
    const finalize = namespaces.subresources?.find((one) => one.name === 'finalize')?.behaviour;
    if (finalize?.type !== 'part') throw new Error('no finalize');
    const object = objectOf(namespaces, { spec: {} });
    finalize.prepareForUpdate(object, old, contextOf());
    expect(object.spec).toEqual({});
    expect(object.status).toEqual({ phase: 'Active' });
  });
});

describe('secrets', () => {
  test('stringData is merged', () => {
    const { object, problems } = createOf(secrets, { data: { a: 'eA==' }, stringData: { b: 'ä' } });
    expect(problems).toEqual([]);
    expect(object).toMatchObject({ type: 'Opaque', data: { a: 'eA==', b: 'w6Q=' } });
    expect(object).not.toHaveProperty('stringData');
  });
  test.each<[object, string[]]>([
    [
      { data: { 'a/b': '' } },
      [
        "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ],
    ],
    [{ type: 'kubernetes.io/tls' }, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
    [{ type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e30=' } }, []],
    ...[
      ['eA==', "invalid character 'x' looking for beginning of value"],
      ['W10=', 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
      ['', 'unexpected end of JSON input'],
    ].map(([config, problem]): [object, string[]] => [
      { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': config } },
      [`data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": ${problem}`],
    ]),
    [
      { type: 'kubernetes.io/service-account-token' },
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
    [{ stringData: { big: 'x'.repeat(1024 * 1024 + 1) } }, ['data: Too long: may not be more than 1048576 bytes']],
  ])('%#', (secret, problems) => {
    expect(createOf(secrets, secret).problems).toEqual(problems);
  });
  test('immutable', () => {
    const old = createOf(secrets, { immutable: true, data: { a: 'eA==' } }).object;
    expect(updateOf(secrets, old, { data: { a: 'eQ==' } }).problems).toEqual([
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ]);
    expect(updateOf(secrets, old, { immutable: true, type: 'x', data: { a: 'eA==' } }).problems).toEqual([
      'type: Invalid value: "x": field is immutable',
    ]);
  });
});

test('config maps', () => {
  expect(createOf(configMaps, { data: { a: '1' }, binaryData: { a: 'eA==' } }).problems).toEqual([
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ]);
  expect(cellsOf(configMaps, objectOf(configMaps, { data: { a: '1' }, binaryData: { b: '' } })).Data).toBe(2);
});

describe('nodes', () => {
  test('columns', () => {
    const node = objectOf(nodes, {
      metadata: { labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'False' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        nodeInfo: { kubeletVersion: 'v1.36.0' },
      },
    });
    expect(cellsOf(nodes, node)).toMatchObject({
      Status: 'NotReady,SchedulingDisabled',
      Roles: 'edge,worker',
      Version: 'v1.36.0',
      'Internal-IP': '10.0.0.1',
      'External-IP': '<none>',
      'OS-Image': '<unknown>',
    });
  });
  test('the pod range is set once', () => {
    const old = createOf(nodes, { spec: { podCIDR: '10.244.0.0/24' } }).object;
    expect(old.spec.podCIDRs).toEqual(['10.244.0.0/24']);
    expect(updateOf(nodes, old, { spec: { podCIDR: '10.244.1.0/24' } }).problems).toEqual([
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    ]);
  });
  test('taints', () => {
    const taint = { key: 'a', effect: 'NoSchedule' };
    expect(
      createOf(nodes, { spec: { taints: [taint, { ...taint, value: 'x' }, { key: 'b', effect: 'Never' }] } }).problems,
    ).toEqual([
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"x","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      'metadata.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ]);
  });
});

test('endpoints', () => {
  const subsets = [
    { addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((ip) => ({ ip })), ports: [{ port: 80 }] },
  ];
  const { object, problems } = createOf(endpoints, { subsets });
  expect(problems).toEqual([]);
  expect(cellsOf(endpoints, object).Endpoints).toBe('10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...');
  expect(createOf(endpoints, { subsets: [{ addresses: [{ ip: '127.0.0.1' }] }] }).problems).toEqual([
    'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ]);
});

test('endpoint slices', () => {
  const { object, problems } = createOf(endpointSlices, {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ port: 80 }],
  });
  expect(problems).toEqual([]);
  expect(object.ports).toEqual([{ port: 80, name: '', protocol: 'TCP' }]);
  expect(cellsOf(endpointSlices, object)).toMatchObject({ AddressType: 'IPv4', Ports: '80', Endpoints: '10.0.0.1' });
  expect(createOf(endpointSlices, { addressType: 'IPv5', endpoints: [{}] }).problems).toEqual([
    'addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"',
    'endpoints[0].addresses: Required value: must contain at least 1 address',
  ]);
});

test('events', () => {
  const involvedObject = { kind: 'Pod', name: 'web', namespace: 'default' };
  const { object, problems } = createOf(events, {
    involvedObject,
    reason: 'Started',
    lastTimestamp: '2026-01-02T03:00:00Z',
    source: { component: 'kubelet', host: 'n1' },
  });
  expect(problems).toEqual([]);
  expect(cellsOf(events, object)).toMatchObject({
    'Last Seen': { since: '2026-01-02T03:00:00Z' },
    Object: 'pod/web',
    Source: 'kubelet, n1',
    Count: 1,
  });
  expect(createOf(events, { involvedObject: { ...involvedObject, namespace: 'other' } }).problems).toEqual([
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ]);
});
