import { expect, test } from 'vitest';
import type { Service } from '../../src/generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../src/generated/schemas/discovery-v1.ts';
import { buildZone } from './records.ts';

const meta = (name: string, labels: Record<string, string> = {}) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels,
});
const service = (name: string, spec: Service['spec']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  status: {},
  spec,
});
const slices: EndpointSlice[] = [
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta('db-1', { 'kubernetes.io/service-name': 'db' }),
    addressType: 'IPv4',
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.244.1.7'], hostname: 'db-0', conditions: { ready: true } },
      { addresses: ['10.244.1.8'], conditions: { ready: true } },
      { addresses: ['10.244.1.9'], conditions: { ready: false } },
    ],
  },
];
const zone = buildZone(
  [
    service('web', {
      clusterIP: '10.96.0.50',
      clusterIPs: ['10.96.0.50'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    }),
    service('db', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }),
    service('empty', { clusterIP: 'None', clusterIPs: ['None'] }),
    service('far', { type: 'ExternalName', externalName: 'example.org' }),
    service('near', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
  ],
  slices,
  'cluster.local',
  (ip) => ip.startsWith('10.'),
);

const data = (name: string, type = 'A') => {
  const answer = zone.resolve(name, type);
  return (
    answer && {
      code: answer.code,
      data: answer.answers.map((r) => ('data' in r ? r.data : undefined)),
      ...(answer.follow ? { follow: answer.follow } : {}),
    }
  );
};
const ok = (...list: unknown[]) => ({ code: 'NOERROR', data: list });
const missing = { code: 'NXDOMAIN', data: [] };

test.each([
  ['web.default.svc.cluster.local', 'A', ok('10.96.0.50')],
  ['WEB.default.svc.cluster.local.', 'A', ok('10.96.0.50')],
  ['web.default.svc.cluster.local', 'AAAA', ok()],
  ['nope.default.svc.cluster.local', 'A', missing],
  ['default.svc.cluster.local', 'A', ok()],
  ['other.svc.cluster.local', 'A', missing],
  [
    '_http._tcp.web.default.svc.cluster.local',
    'SRV',
    ok({ priority: 0, weight: 100, port: 80, target: 'web.default.svc.cluster.local' }),
  ],
  ['_http._udp.web.default.svc.cluster.local', 'SRV', missing],
  ['db.default.svc.cluster.local', 'A', ok('10.244.1.7', '10.244.1.8')],
  ['db-0.db.default.svc.cluster.local', 'A', ok('10.244.1.7')],
  ['10-244-1-8.db.default.svc.cluster.local', 'A', ok('10.244.1.8')],
  ['10-244-1-9.db.default.svc.cluster.local', 'A', missing],
  [
    '_sql._tcp.db.default.svc.cluster.local',
    'SRV',
    ok(
      { priority: 0, weight: 50, port: 5432, target: 'db-0.db.default.svc.cluster.local' },
      { priority: 0, weight: 50, port: 5432, target: '10-244-1-8.db.default.svc.cluster.local' },
    ),
  ],
  ['empty.default.svc.cluster.local', 'A', missing],
  ['far.default.svc.cluster.local', 'A', { ...ok('example.org'), follow: 'example.org' }],
  ['near.default.svc.cluster.local', 'A', ok('web.default.svc.cluster.local', '10.96.0.50')],
  ['50.0.96.10.in-addr.arpa', 'PTR', ok('web.default.svc.cluster.local')],
  ['7.1.244.10.in-addr.arpa', 'PTR', ok('db-0.db.default.svc.cluster.local')],
  ['1.1.244.10.in-addr.arpa', 'PTR', missing],
  ['10-244-1-7.default.pod.cluster.local', 'A', ok('10.244.1.7')],
  ['dns-version.cluster.local', 'TXT', ok('1.1.0')],
  ['example.org', 'A', undefined],
  ['1.1.1.1.in-addr.arpa', 'PTR', undefined],
])('%s %s', (name, type, expected) => {
  expect(data(name, type)).toEqual(expected);
});
