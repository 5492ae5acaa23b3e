import { expect, test } from 'vitest';
import type { NodeChange } from '../../src/protocol/node.ts';
import { Store } from './store.ts';

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
