import { expect, test } from 'vitest';
import type { Pod } from '../../../src/generated/schemas/core-v1.ts';
import { newState } from '../../pods/context.ts';
import { isProxyable, type Pods, targetOf } from './target.ts';

test.each([
  ['10.0.0.1', true],
  ['192.168.1.1', true],
  ['8.8.8.8', true],
  ['fd00::1', true],
  ['2001:db8::1', true],
  ['127.0.0.1', false],
  ['127.8.9.10', false],
  ['0.0.0.0', false],
  ['169.254.169.254', false],
  ['224.0.0.1', false],
  ['239.255.255.250', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:7f00:1', false],
  ['::127.0.0.1', false],
  ['fe80::1', false],
  ['fd00::1%eth0', false],
  ['ff02::1', false],
  ['localhost', false],
  ['kubernetes.default', false],
  ['127.1', false],
  ['2130706433', false],
  ['', false],
])('%s: %s', (address, proxyable) => {
  expect(isProxyable(address)).toBe(proxyable);
});

function pods(given: { hostNetwork?: boolean; ready?: boolean; ips?: string[] }): Pods {
  const pod = {
    metadata: { name: 'web', namespace: 'ns', uid: 'u1' },
    spec: { containers: [], ...(given.hostNetwork ? { hostNetwork: true } : {}) },
  } as unknown as Pod;
  const state = newState(pod);
  const sandbox = { id: 's', podUid: 'u1', podName: 'web', podNamespace: 'ns', attempt: 0, createdAtMs: 0 };
  state.sandboxes = [{ ...sandbox, ready: given.ready ?? true, ips: given.ips ?? [] }];
  return { worker: (uid) => (uid === 'u1' ? { state } : undefined) };
}

const target = { type: 'pod' as const, namespace: 'ns', pod: 'web', podUid: 'u1', port: 80 };

test('a pod is reached where the agent knows it to be', () => {
  expect(targetOf(target, pods({ ips: ['10.0.0.7', 'fd00::7'] }), '10.1.1.1')).toEqual({ host: '10.0.0.7', port: 80 });
  expect(targetOf(target, pods({ hostNetwork: true }), '10.1.1.1')).toEqual({ host: '10.1.1.1', port: 80 });
});

test('a pod of another name, another uid, without an address or not running is none', () => {
  const known = pods({ ips: ['10.0.0.7'] });
  expect(() => targetOf({ ...target, podUid: 'u2' }, known, '')).toThrow('pods "web" not found');
  expect(() => targetOf({ ...target, pod: 'other' }, known, '')).toThrow('pods "other" not found');
  expect(() => targetOf({ ...target, namespace: 'other' }, known, '')).toThrow('not found');
  expect(() => targetOf(target, pods({}), '10.1.1.1')).toThrow('address not allowed');
  expect(() => targetOf(target, pods({ ips: ['10.0.0.7'], ready: false }), '')).toThrow('address not allowed');
  expect(() => targetOf(target, pods({ hostNetwork: true }), '127.0.0.1')).toThrow('address not allowed');
});

test.each([0, -1, 65_536, 1.5, Number.NaN])('port %s is none', (port) => {
  expect(() => targetOf({ type: 'address', address: '10.0.0.1', port }, pods({}), '')).toThrow('invalid port');
});
