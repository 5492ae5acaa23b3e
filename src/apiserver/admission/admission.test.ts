import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { openWatch, testServer } from '../testing.ts';

const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

test('what admission gives a pod', async () => {
  const { call } = await testServer(openSql(), { config: { defaultTolerationSeconds: 7 } });
  expect((await call('POST', pods, pod('a'))).json.message).toBe(
    'pods "a" is forbidden: error looking up service account default/default: serviceaccount "default" not found',
  );
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', {
    metadata: { name: 'default' },
    imagePullSecrets: [{ name: 's' }],
  });
  const { spec } = (await call('POST', pods, pod('a'))).json;
  expect(spec).toMatchObject({
    serviceAccountName: 'default',
    serviceAccount: 'default',
    imagePullSecrets: [{ name: 's' }],
    priority: 0,
    preemptionPolicy: 'PreemptLowerPriority',
    tolerations: [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 7 },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 7 },
    ],
  });
  expect(spec.volumes[0].name).toMatch(/^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  expect(spec.volumes[0].projected.sources).toHaveLength(3);
  expect(spec.containers[0].volumeMounts).toEqual([
    { mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', name: spec.volumes[0].name, readOnly: true },
  ]);
  const without = (await call('POST', pods, pod('b', { automountServiceAccountToken: false }))).json.spec;
  expect(without.volumes).toBeUndefined();
  const critical = (await call('POST', pods, pod('d', { priorityClassName: 'system-node-critical' }))).json.spec;
  expect(critical.priority).toBe(2_000_001_000);
  expect((await call('POST', pods, pod('e', { priorityClassName: 'high' }))).json.message).toBe(
    'pods "e" is forbidden: no PriorityClass with name high was found',
  );
});

test('new nodes start tainted; system namespaces stay', async () => {
  const { call } = await testServer(openSql());
  const node = await call('POST', '/api/v1/nodes', { metadata: { name: 'n' } });
  expect(node.json.spec.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
  expect((await call('DELETE', '/api/v1/namespaces/kube-system')).code).toBe(403);
});

test('a restart writes nothing; events expire', async () => {
  const { call, server, ledger, clock } = await testServer(openSql());
  const { revision } = ledger;
  await server.start();
  expect(ledger.revision).toBe(revision);
  expect(await server.expire()).toBeUndefined();
  const events = '/api/v1/namespaces/default/events';
  const involvedObject = { kind: 'Pod', name: 'x', namespace: 'default' };
  await call('POST', events, { metadata: { name: 'a' }, involvedObject, reason: 'r' });
  clock.advance(1_800_000);
  await call('POST', events, { metadata: { name: 'b' }, involvedObject, reason: 'r' });
  const watch = await openWatch(server, `${events}?watch=1&resourceVersion=${ledger.revision}`);
  clock.advance(1_800_000);
  const next = await server.expire();
  expect(next).toBe(clock.ms + 1_800_000 + 5_000);
  expect(await watch.next()).toMatchObject({
    type: 'DELETED',
    object: { metadata: { name: 'a', resourceVersion: String(ledger.revision) } },
  });
  await watch.cancel();
  expect((await call('GET', events)).json.items).toHaveLength(1);
  clock.advance(1_900_000);
  expect(await server.expire()).toBeUndefined();
});
