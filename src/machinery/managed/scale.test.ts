import { expect, it } from 'vitest';
import type { ManagedFieldsEntry } from '../meta.ts';
import { parentEntries, scaleEntries } from './scale.ts';

type Operation = 'Apply' | 'Update';
const replicas = { 'f:spec': { 'f:replicas': {} } };
const both = { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } };
const selector = { 'f:spec': { 'f:selector': {} } };
const entry = (manager: string, operation: Operation, fieldsV1: object, more: object = {}): ManagedFieldsEntry =>
  ({ manager, operation, apiVersion: 'apps/v1', fieldsType: 'FieldsV1', fieldsV1, ...more }) as never;
const scaled = (manager: string, operation: Operation): ManagedFieldsEntry =>
  entry(manager, operation, replicas, { apiVersion: 'autoscaling/v1', subresource: 'scale' });

it('a Scale shows those who own the replicas', () => {
  expect(
    scaleEntries(
      [entry('a', 'Apply', both, { time: '2026-01-01T00:00:00Z' }), entry('b', 'Update', selector)],
      'apps/v1',
    ),
  ).toEqual([entry('a', 'Apply', replicas, { apiVersion: 'autoscaling/v1', time: '2026-01-01T00:00:00Z' })]);
  expect(scaleEntries([entry('a', 'Update', both, { apiVersion: 'apps/v0' })], 'apps/v1')).toBeUndefined();
});

it.each<[string, Operation, string, Operation]>([
  ['a', 'Apply', 'scaler', 'Update'],
  ['a', 'Apply', 'scaler', 'Apply'],
  ['a', 'Update', 'scaler', 'Update'],
  ['a', 'Update', 'scaler', 'Apply'],
  ['a', 'Apply', 'a', 'Apply'],
  ['a', 'Update', 'a', 'Update'],
])('who scales takes the replicas: %s %s, %s %s', (owner, was, scaler, is) => {
  const left = parentEntries([entry(owner, was, both)], [scaled(scaler, is)], 'apps/v1');
  expect(left).toHaveLength(2);
  expect(left).toContainEqual(entry(owner, was, selector));
  expect(left).toContainEqual(entry(scaler, is, replicas, { subresource: 'scale' }));
});

it('who owned nothing else is gone', () => {
  expect(parentEntries([entry('a', 'Update', replicas)], [scaled('b', 'Update')], 'apps/v1')).toEqual([
    entry('b', 'Update', replicas, { subresource: 'scale' }),
  ]);
});

it('an applier who keeps the replicas keeps its entry', () => {
  const entries = [entry('a', 'Apply', both)];
  expect(parentEntries(entries, scaleEntries(entries, 'apps/v1'), 'apps/v1')).toEqual(entries);
});
