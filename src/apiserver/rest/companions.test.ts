// A Service's addresses, which are objects of their own.
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const services = '/api/v1/namespaces/default/services';
const addresses = '/apis/networking.k8s.io/v1/ipaddresses';

test('come and go with it', async () => {
  const { call } = await testServer(openSql());
  const names = async () =>
    (await call('GET', addresses)).json.items.map((one: { metadata: { name: string } }) => one.metadata.name);
  expect(await names()).toEqual(['10.96.0.1']);
  const made = (await call('POST', services, { metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } })).json;
  const ip = made.spec.clusterIP;
  expect((await call('GET', `${addresses}/${ip}`)).json).toMatchObject({
    metadata: {
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
      managedFields: [{ manager: 'kube-apiserver', operation: 'Update' }],
    },
    spec: { parentRef: { resource: 'services', namespace: 'default', name: 'a' } },
  });
  await call('POST', `${services}?dryRun=All`, { metadata: { name: 'b' }, spec: { ports: [{ port: 80 }] } });
  await call('POST', services, { metadata: { name: 'c' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } });
  expect(await names()).toHaveLength(2);
  await call('PATCH', `${services}/a`, {
    spec: { type: 'ExternalName', externalName: 'x.y', clusterIP: null, clusterIPs: null },
  });
  expect(await names()).toEqual(['10.96.0.1']);
  await call('PATCH', `${services}/a`, { spec: { type: 'ClusterIP', externalName: null } });
  expect(await names()).toHaveLength(2);
  await call('DELETE', `${services}/a`);
  expect(await names()).toEqual(['10.96.0.1']);
});

test('are not given out when somebody has put them aside, and stay his', async () => {
  const { call } = await testServer(openSql());
  const ip = '10.96.5.5';
  const parentRef = { group: 'gateway.example.com', resource: 'gateways', name: 'g' };
  expect((await call('POST', addresses, { metadata: { name: ip }, spec: { parentRef } })).code).toBe(201);
  const refused = await call('POST', services, {
    metadata: { name: 'a' },
    spec: { clusterIP: ip, ports: [{ port: 80 }] },
  });
  expect(refused.json.details.causes).toEqual([
    {
      reason: 'FieldValueInvalid',
      message: `Invalid value: ["${ip}"]: failed to allocate IP ${ip}: provided IP is already allocated`,
      field: 'spec.clusterIPs',
    },
  ]);
  await call('DELETE', `${addresses}/${ip}`);
  expect(
    (await call('POST', services, { metadata: { name: 'a' }, spec: { clusterIP: ip, ports: [{ port: 80 }] } })).code,
  ).toBe(201);
  expect((await call('GET', `${addresses}/${ip}`)).json.spec.parentRef.name).toBe('a');
  // What is somebody else's meanwhile is not taken away with the Service.
  await call('DELETE', `${addresses}/${ip}`);
  await call('POST', addresses, { metadata: { name: ip }, spec: { parentRef } });
  await call('DELETE', `${services}/a`);
  expect((await call('GET', `${addresses}/${ip}`)).json.spec.parentRef.name).toBe('g');
});
