import { expect, it } from 'vitest';
import { configMaps, namespaces, pods } from '../generated/schemas/index.ts';
import { interestOf, queriesOf, wants } from './interest.ts';
import { source } from './types.ts';

const keys = () => [];
const put = (key: string, metadata: Record<string, unknown> = {}) => ({
  type: 'put' as const,
  key,
  value: JSON.stringify({ metadata: { name: 'x', ...metadata } }),
});

it('is everything of a kind that any source wants without a condition', () => {
  const interest = interestOf([source(pods, keys, 'ends'), source(pods, keys), source(pods, keys, { name: 'a' })]);
  expect(interest).toEqual({ all: ['pods'], ends: [], names: {} });
  expect(wants(interest)(put('pods/default/x'))).toBe(true);
});

it('is the end of objects, what leads to it, and names', () => {
  const wanted = wants(
    interestOf([
      source(configMaps, keys, 'ends'),
      source(configMaps, keys, { name: 'root' }),
      source(configMaps, keys, { name: 'other' }),
      source(namespaces, keys, { name: 'default' }),
    ]),
  );
  expect(wanted(put('configmaps/default/x'))).toBe(false);
  expect(wanted({ ...put('configmaps/default/x'), type: 'delete' })).toBe(true);
  expect(wanted(put('configmaps/default/x', { ownerReferences: [{ uid: 'u' }] }))).toBe(true);
  expect(wanted(put('configmaps/default/x', { deletionTimestamp: '2026-11-22T00:00:00Z' }))).toBe(true);
  expect(wanted(put('configmaps/default/root'))).toBe(true);
  expect(wanted(put('configmaps/root/x'))).toBe(false);
  expect(wanted(put('configmaps/default/other'))).toBe(true);
  expect(wanted(put('namespaces/default'))).toBe(true);
  expect(wanted({ ...put('namespaces/x'), type: 'delete' })).toBe(false);
  expect(wanted({ ...put('secrets/default/x'), type: 'delete' })).toBe(false);
});

it('is listed with no more than somebody looks at', () => {
  const interest = interestOf([
    source(pods, keys),
    source(pods, keys, 'ends'),
    source(configMaps, keys, 'ends'),
    source(configMaps, keys, { name: 'root' }),
    source(namespaces, keys, { name: 'default' }),
  ]);
  expect(queriesOf(interest, 'pods')).toEqual([{}]);
  expect(queriesOf(interest, 'configmaps')).toEqual([{ metadataOnly: true }, { fieldSelector: 'metadata.name=root' }]);
  expect(queriesOf(interest, 'namespaces')).toEqual([{ fieldSelector: 'metadata.name=default' }]);
  expect(queriesOf(interest, 'secrets')).toEqual([]);
});
