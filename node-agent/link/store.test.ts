import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { NodeChange } from '../../src/protocol/node.ts';
import { fileSealer } from './sealer.ts';
import { diskFiles, Store } from './store.ts';

const store = () => new Store({ read: async () => undefined, write: async () => {} }, 'n');
const configMap: NodeChange = {
  type: 'put',
  resource: 'configmaps',
  namespace: 'd',
  name: 'late',
  object: { metadata: { name: 'late', namespace: 'd', resourceVersion: '1' }, data: { x: '1' } },
};
const pod = (name: string, uid: string): NodeChange => ({
  type: 'put',
  resource: 'pods',
  namespace: 'd',
  name,
  object: {
    metadata: { name, namespace: 'd', uid, resourceVersion: uid },
    spec: { nodeName: 'n', containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'late' } }] }] },
  },
});
const gone = (name: string): NodeChange => ({ type: 'delete', resource: 'pods', namespace: 'd', name });

test('what no pod refers to any more is forgotten: its end would not be told', () => {
  const s = store();
  s.apply(false, [configMap, pod('a', '1'), pod('b', '2')]);
  s.apply(false, [gone('a')]);
  expect(s.configMap('d', 'late')).toBeDefined();
  s.apply(false, [gone('b')]);
  expect(s.configMap('d', 'late')).toBeUndefined();
  // A pod that comes as another goes keeps what both need.
  s.apply(false, [configMap, pod('a', '3')]);
  s.apply(false, [gone('a'), pod('b', '4')]);
  expect(s.configMap('d', 'late')).toBeDefined();
});

test('an identity that cannot be read is none', async () => {
  for (const text of [undefined, '', '{"x', '{}', 'null', '{"credential":"c"}'])
    expect(await new Store({ read: async () => text, write: async () => {} }, 'n').identity()).toBeUndefined();
});

test('what was allocated to pods outlives the agent, and not the pods', async () => {
  let text: string | undefined;
  const files = {
    read: async () => text,
    async write(_name: string, written: string) {
      text = written;
    },
  };
  const before = new Store(files, 'n');
  before.apply(false, [pod('a', '1'), pod('b', '2')]);
  const allocation = { c: { limits: { cpu: '1' } } };
  before.noteAllocation('1', allocation);
  before.noteAllocation('2', allocation);
  before.apply(false, [gone('b')]);
  await before.save();
  const after = new Store(files, 'n');
  await after.load();
  expect(after.allocation('1')).toEqual(allocation);
  expect(after.allocation('2')).toBeUndefined();
});

test('Secrets are on disk only sealed, open again while the key lasts, and not after a reboot', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agent-'));
  const [state, keyFile] = [path.join(folder, 'state'), path.join(folder, 'run/key')];
  const open = () => new Store(diskFiles(state, fileSealer(keyFile)), 'n');
  const secret: NodeChange = {
    type: 'put',
    resource: 'secrets',
    namespace: 'd',
    name: 's',
    object: { metadata: { name: 's', namespace: 'd', resourceVersion: '9' }, data: { password: 'TUFSS0VS' } },
  };
  const user = pod('a', '1');
  (user.object as { spec: { containers: unknown[] } }).spec.containers = [
    { name: 'c', envFrom: [{ secretRef: { name: 's' } }, { configMapRef: { name: 'late' } }] },
  ];
  const before = open();
  before.apply(false, [configMap, secret, user]);
  await before.save();
  const text = fs.readFileSync(path.join(state, 'snapshot.json'), 'utf8');
  expect(text).toContain('"late"');
  expect(text).not.toMatch(/TUFSS0VS|password/);
  expect(fs.statSync(keyFile).mode & 0o777).toBe(0o600);
  const restarted = open();
  await restarted.load();
  expect(restarted.secret('d', 's')?.data).toEqual({ password: 'TUFSS0VS' });
  fs.rmSync(keyFile);
  const rebooted = open();
  await rebooted.load();
  expect(rebooted.secret('d', 's')).toBeUndefined();
  expect(rebooted.configMap('d', 'late')).toBeDefined();
  expect(rebooted.pods()).toHaveLength(1);
  rebooted.apply(false, [secret]);
  await rebooted.save();
  const again = open();
  await again.load();
  expect(again.secret('d', 's')).toBeDefined();
  fs.rmSync(folder, { recursive: true });
});
