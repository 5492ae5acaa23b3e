import { describe, expect, test } from 'vitest';
import type { Service } from '../../../generated/schemas/core-v1.ts';
import { cellsOf, createOf, objectOf, updateOf } from '../../testing.ts';
import services from './definition.ts';

const ports = [{ port: 80 }];
const small = { config: { serviceCidr: '10.0.0.0/29', nodePortMin: 30000, nodePortMax: 30001 } };

test('defaults and allocation', () => {
  const { object, problems } = createOf(services, { spec: { selector: { a: 'b' }, ports } });
  expect(problems).toEqual([]);
  const { clusterIP, clusterIPs, ...rest } = object.spec;
  expect(clusterIP).toMatch(/^10\.96\.\d+\.\d+$/);
  expect(clusterIPs).toEqual([clusterIP]);
  expect(rest).toEqual({
    selector: { a: 'b' },
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
    internalTrafficPolicy: 'Cluster',
    ipFamilyPolicy: 'SingleStack',
    ipFamilies: ['IPv4'],
  });
  expect(object.status).toEqual({ loadBalancer: {} });
  expect(services.indexes?.(object)).toEqual([`clusterIP=${clusterIP}`]);
});

test('a headless service gets no address', () => {
  const { object, problems } = createOf(services, { spec: { clusterIP: 'None', selector: { a: 'b' } } });
  expect(problems).toEqual([]);
  expect(object.spec).toMatchObject({
    clusterIP: 'None',
    clusterIPs: ['None'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  });
  expect(services.indexes?.(object)).toEqual([]);
});

test('an external name gets nothing', () => {
  const { object, problems } = createOf(services, { spec: { type: 'ExternalName', externalName: 'example.com' } });
  expect(problems).toEqual([]);
  expect(object.spec).toEqual({ type: 'ExternalName', externalName: 'example.com', sessionAffinity: 'None' });
});

test('the last free address is found, then none', () => {
  const tags = ['1', '2', '3', '5', '6'].map((last) => `clusterIP=10.0.0.${last}`);
  expect(createOf(services, { spec: { ports } }, { ...small, tags }).object.spec.clusterIP).toBe('10.0.0.4');
  expect(() => createOf(services, { spec: { ports } }, { ...small, tags: [...tags, 'clusterIP=10.0.0.4'] })).toThrow(
    'spec.clusterIPs: Invalid value: failed to allocate a serviceIP: range is full',
  );
});

test('node ports', () => {
  const both = [
    { name: 'a', port: 53, protocol: 'TCP' },
    { name: 'b', port: 53, protocol: 'UDP' },
  ];
  const { object } = createOf(
    services,
    { spec: { type: 'NodePort', ports: both } },
    { ...small, tags: ['nodePort=TCP/30000'] },
  );
  expect(object.spec.ports?.map((port) => port.nodePort)).toEqual([30001, 30001]);
  expect(object.spec.externalTrafficPolicy).toBe('Cluster');
  expect(services.indexes?.(object)).toEqual([
    `clusterIP=${object.spec.clusterIP}`,
    'nodePort=TCP/30001',
    'nodePort=UDP/30001',
  ]);
});

test.each<[string, object, string[]]>([
  ['no ports', {}, ['spec.ports: Required value']],
  [
    'two ports without names',
    { ports: [{ port: 1 }, { port: 2 }] },
    ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
  ],
  [
    'port range',
    { ports: [{ port: 0 }] },
    [
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
  ],
  [
    'type',
    { ports, type: 'Magic' },
    [
      'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  [
    'node port of a cluster IP',
    { ports: [{ port: 1, nodePort: 30000 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'node port range',
    { type: 'NodePort', ports: [{ port: 1, nodePort: 80 }] },
    [
      'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ],
  ],
  [
    'node port taken',
    { type: 'NodePort', ports: [{ port: 1, nodePort: 30100 }] },
    ['spec.ports[0].nodePort: Invalid value: 30100: provided port is already allocated'],
  ],
  [
    'address outside',
    { ports, clusterIP: '1.2.3.4' },
    [
      'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
    ],
  ],
  [
    'address taken',
    { ports, clusterIP: '10.96.0.10' },
    [
      'spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
    ],
  ],
  [
    'no address',
    { ports, clusterIP: 'x' },
    ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    'headless node port',
    { ports, type: 'NodePort', clusterIP: 'None' },
    ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
  ],
  ['external name', { type: 'ExternalName' }, ['spec.externalName: Required value']],
  [
    'dual stack',
    { ports, ipFamilyPolicy: 'RequireDualStack' },
    ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'],
  ],
  [
    'affinity',
    { ports, sessionAffinity: 'Cookie' },
    ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
  ],
  [
    'same port twice',
    {
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 1 },
      ],
    },
    [
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,"TargetPort":0,"NodePort":0}',
    ],
  ],
])('%s', (_name, spec, problems) => {
  expect(createOf(services, { spec }, { tags: ['nodePort=TCP/30100', 'clusterIP=10.96.0.10'] }).problems).toEqual(
    problems,
  );
});

describe('update', () => {
  const old: Service = createOf(services, { spec: { ports, type: 'NodePort' } }).object;
  test('without the allocated values keeps them', () => {
    const { object, problems } = updateOf(services, old, { spec: { ports: [{ port: 81 }], type: 'NodePort' } });
    expect(problems).toEqual([]);
    expect(object.spec.clusterIP).toBe(old.spec.clusterIP);
    expect(object.spec.ports?.[0]?.nodePort).toBe(old.spec.ports?.[0]?.nodePort);
  });
  test('to another address', () => {
    const { problems } = updateOf(services, old, { spec: { ...old.spec, clusterIP: '10.96.9.9' } });
    expect(problems).toEqual(['spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set']);
  });
  test('to ClusterIP drops the node port', () => {
    const { object, problems } = updateOf(services, old, { spec: { ...structuredClone(old.spec), type: 'ClusterIP' } });
    expect(problems).toEqual([]);
    expect(object.spec.ports?.[0]?.nodePort).toBeUndefined();
    expect(object.spec.externalTrafficPolicy).toBeUndefined();
  });
  test('from ExternalName allocates', () => {
    const named = createOf(services, { spec: { type: 'ExternalName', externalName: 'a.b' } }).object;
    const { object, problems } = updateOf(services, named, { spec: { ports } });
    expect(problems).toEqual([]);
    expect(object.spec.clusterIP).toMatch(/^10\.96\./);
  });
});

test('columns', () => {
  const balanced = objectOf(services, {
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.9',
      ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
      selector: { b: '2', a: '1' },
    },
  });
  expect(cellsOf(services, balanced)).toMatchObject({
    Type: 'LoadBalancer',
    'Cluster-IP': '10.96.0.9',
    'External-IP': '<pending>',
    'Port(s)': '80:30080/TCP',
    Selector: 'a=1,b=2',
  });
});
