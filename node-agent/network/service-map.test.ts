import { describe, expect, test } from 'vitest';
import type { Pod, Service } from '../../src/generated/schemas/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../src/generated/schemas/discovery-v1.ts';
import { changeScript } from './nft.ts';
import { type ServiceMap, serviceMap, staleUdp } from './service-map.ts';
import type { NetworkView } from './types.ts';

const meta = (name: string, labels: Record<string, string> = {}) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels,
});
const service = (name: string, clusterIP: string, spec: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  status: {},
  spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
});
const slice = (of: string, endpoints: Endpoint[], protocol: 'TCP' | 'UDP' = 'TCP'): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: meta(`${of}-1`, { 'kubernetes.io/service-name': of }),
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol }],
  endpoints,
});
const up = (ip: string, nodeName = 'n1'): Endpoint => ({ addresses: [ip], conditions: { ready: true }, nodeName });
const leaving = (ip: string): Endpoint => ({
  addresses: [ip],
  conditions: { ready: false, serving: true, terminating: true },
});
const view = (v: Partial<NetworkView>): NetworkView => ({ services: [], slices: [], nodes: [], pods: [], ...v });
const none = new Set<string>();
const map = (v: Partial<NetworkView>): ServiceMap => serviceMap(view(v), 'n1', none);

describe('serviceMap', () => {
  test('a Service leads to its ready endpoints, in order', () => {
    const m = map({
      services: [service('a', '10.96.0.50')],
      slices: [slice('a', [up('10.244.1.9'), up('10.244.1.7')])],
    });
    expect(m.destinations.get('10.96.0.50 . tcp . 80')).toEqual([
      { ip: '10.244.1.7', port: 8080 },
      { ip: '10.244.1.9', port: 8080 },
    ]);
  });
  test('terminating endpoints count only where nothing is ready', () => {
    const services = [service('a', '10.96.0.50')];
    const key = '10.96.0.50 . tcp . 80';
    expect(
      map({ services, slices: [slice('a', [up('10.1.1.1'), leaving('10.1.1.2')])] }).destinations.get(key),
    ).toHaveLength(1);
    expect(map({ services, slices: [slice('a', [leaving('10.1.1.2')])] }).destinations.get(key)).toEqual([
      { ip: '10.1.1.2', port: 8080 },
    ]);
    expect(map({ services, slices: [] }).destinations.get(key)).toEqual([]);
  });
  test('headless, external-name and agent-answered Services have no destinations', () => {
    const m = serviceMap(
      view({
        services: [
          service('h', 'None'),
          service('e', '', { type: 'ExternalName', clusterIPs: [] }),
          service('kubernetes', '10.96.0.1'),
        ],
      }),
      'n1',
      new Set(['10.96.0.1']),
    );
    expect([...m.destinations.keys()]).toEqual([]);
  });
  test('Local traffic policies keep to this node', () => {
    const m = map({
      services: [
        service('a', '10.96.0.50', {
          internalTrafficPolicy: 'Local',
          externalTrafficPolicy: 'Local',
          ports: [{ port: 80, nodePort: 30080 }],
        }),
      ],
      slices: [slice('a', [up('10.244.1.7', 'n1'), up('10.244.2.7', 'n2')])],
    });
    expect(m.destinations.get('10.96.0.50 . tcp . 80')).toEqual([{ ip: '10.244.1.7', port: 8080 }]);
    expect(m.nodePorts.get('tcp . 30080')).toEqual([{ ip: '10.244.1.7', port: 8080 }]);
  });
  test('host ports of running pods, not of finished ones', () => {
    const pod = (name: string, phase: 'Running' | 'Succeeded', ip: string): Pod => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: meta(name),
      status: { phase, podIP: ip },
      spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 8081 }] }] },
    });
    const m = map({ pods: [pod('a', 'Running', '10.244.1.7'), pod('b', 'Succeeded', '10.244.1.8')] });
    expect([...m.hostPorts]).toEqual([['tcp . 8081', { ip: '10.244.1.7', port: 80 }]]);
    expect([...m.hairpins]).toEqual(['10.244.1.7']);
    const alone = { ...pod('d', 'Running', '10.244.1.9'), spec: { containers: [{ name: 'c' }] } };
    expect(map({ pods: [alone] })).toEqual(map({}));
  });
  test('lost UDP backends are to be forgotten', () => {
    const services = [service('d', '10.96.0.53', { ports: [{ port: 53, protocol: 'UDP' }] })];
    const before = map({ services, slices: [slice('d', [up('10.1.1.1'), up('10.1.1.2')], 'UDP')] });
    const after = map({ services, slices: [slice('d', [up('10.1.1.2')], 'UDP')] });
    expect(staleUdp(before, after)).toEqual([{ address: '10.96.0.53', backend: '10.1.1.1' }]);
  });
});

describe('changeScript', () => {
  const services = [service('a', '10.96.0.50')];
  const empty = map({});
  const two = map({ services, slices: [slice('a', [up('10.1.1.1'), up('10.1.1.2')])] });
  const one = map({ services, slices: [slice('a', [up('10.1.1.2')])] });
  test('nothing changed, nothing said', () => {
    expect(changeScript('t', two, structuredClone(two))).toBe('');
  });
  test('elements change, rules do not', () => {
    expect(changeScript('t', empty, two)).toBe(`add element ip t services { 10.96.0.50 . tcp . 80 : goto pick_2 }
add element ip t backends { 10.96.0.50 . tcp . 80 . 0 : 10.1.1.1 . 8080, 10.96.0.50 . tcp . 80 . 1 : 10.1.1.2 . 8080 }
`);
    expect(changeScript('t', two, one)).toBe(`delete element ip t services { 10.96.0.50 . tcp . 80 }
delete element ip t backends { 10.96.0.50 . tcp . 80 . 0, 10.96.0.50 . tcp . 80 . 1 }
add element ip t services { 10.96.0.50 . tcp . 80 : goto pick_1 }
add element ip t backends { 10.96.0.50 . tcp . 80 . 0 : 10.1.1.2 . 8080 }
`);
  });
});
