// A server with what streams are asked of: a pod `p` of two containers on node `n1`, one that is nowhere, and Services with and without endpoints.
import type { Sql } from '../../../ports/index.ts';
import { type TestServer, testServer } from '../../testing.ts';

export const core = '/api/v1/namespaces/default';
export const socket = { upgrade: 'websocket', 'sec-websocket-protocol': 'v9.x, v5.channel.k8s.io, v4.channel.k8s.io' };

export async function server(sql: Sql): Promise<TestServer & { uid: string }> {
  const test = await testServer(sql);
  const create = async (path: string, body: object): Promise<void> => {
    const { code, text } = await test.call('POST', path, body);
    if (code !== 201) throw new Error(text);
  };
  await create(`${core}/serviceaccounts`, { metadata: { name: 'default' } });
  await create('/api/v1/nodes', { metadata: { name: 'n1' } });
  await test.call('PUT', '/api/v1/nodes/n1/status', {
    metadata: { name: 'n1' },
    status: {
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
  const containers = [
    { name: 'a', image: 'i', ports: [{ containerPort: 8080 }] },
    { name: 'b', image: 'i' },
  ];
  await create(`${core}/pods`, { metadata: { name: 'p' }, spec: { nodeName: 'n1', containers } });
  await create(`${core}/pods`, { metadata: { name: 'unbound' }, spec: { containers } });
  await test.call('PATCH', `${core}/pods/p/status`, { status: { podIP: '10.0.0.5', podIPs: [{ ip: '10.0.0.5' }] } });
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'other', port: 81 },
  ];
  for (const name of ['s', 'lonely', 'elsewhere'])
    await create(`${core}/services`, { metadata: { name }, spec: { ports } });
  const pod = (await test.call('GET', `${core}/pods/p`)).json;
  const slice = (service: string, endpoint: object) => ({
    metadata: { name: `${service}-1`, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [endpoint, { addresses: ['10.0.0.9'], conditions: { ready: false } }],
  });
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'p', uid: pod.metadata.uid };
  await create(slices, slice('s', { addresses: ['10.0.0.5'], nodeName: 'n1', targetRef }));
  await create(slices, slice('elsewhere', { addresses: ['203.0.113.7'] }));
  return { ...test, uid: pod.metadata.uid as string };
}
