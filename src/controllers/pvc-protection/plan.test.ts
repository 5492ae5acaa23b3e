import { describe, expect, test } from 'vitest';
import type { PersistentVolumeClaim, Pod, Volume } from '../../generated/schemas/core-v1.ts';
import { persistentVolumeClaims } from '../../generated/schemas/index.ts';
import { planProtection } from '../lib/protection.ts';
import { at, meta, type PodFacts, pod } from '../lib/testing.ts';
import { claimNames, finalizer, mayHaveReleased, usesClaim } from './plan.ts';

const claim = (name: string, more: object = {}): PersistentVolumeClaim =>
  ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: meta(name, more), spec: {} }) as PersistentVolumeClaim;
const withVolumes = (volumes: object[], facts: PodFacts = {}): Pod =>
  pod('p', { ...facts, spec: { volumes: volumes as Volume[] } });
const names = (name: string) => ({ name: 'v', persistentVolumeClaim: { claimName: name } });
const ephemeral = { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: {} } } };
const ofPod = {
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p', controller: true }],
};

test('claims are named directly, or by the pod and its ephemeral volume', () => {
  expect(claimNames(withVolumes([names('a'), { name: 'e', emptyDir: {} }, ephemeral]))).toEqual(['a', 'p-scratch']);
  expect(claimNames(pod('p'))).toEqual([]);
});

describe('what uses a claim', () => {
  const left = (one: Pod): Pod => ({ ...one, metadata: { ...one.metadata, deletionGracePeriodSeconds: 0 } });
  test.each<[string, Pod, PersistentVolumeClaim, boolean]>([
    ['a pod on a node', withVolumes([names('a')], { node: 'n' }), claim('a'), true],
    ['a finished pod on a node', withVolumes([names('a')], { node: 'n', phase: 'Failed' }), claim('a'), true],
    ['a pod that ends', left(withVolumes([names('a')], { node: 'n', deleted: true })), claim('a'), true],
    ['a pod on no node', withVolumes([names('a')]), claim('a'), false],
    ['a pod with another claim', withVolumes([names('b')], { node: 'n' }), claim('a'), false],
    ['the pod of an ephemeral claim', withVolumes([ephemeral], { node: 'n' }), claim('p-scratch', ofPod), true],
    ['one that has the name only', withVolumes([ephemeral], { node: 'n' }), claim('p-scratch'), false],
    [
      'the pod of an ephemeral claim, once it has left',
      left(withVolumes([ephemeral], { node: 'n', deleted: true })),
      claim('p-scratch', ofPod),
      false,
    ],
  ])('%s', (_, one, of, used) => {
    expect(usesClaim(one, of)).toBe(used);
  });

  test('only what may have let go of a claim is looked at', () => {
    expect(mayHaveReleased(withVolumes([], { node: 'n' }))).toBe(false);
    expect(mayHaveReleased(withVolumes([]))).toBe(true);
    expect(mayHaveReleased(withVolumes([], { node: 'n', phase: 'Succeeded' }))).toBe(true);
    expect(mayHaveReleased(left(withVolumes([], { node: 'n', deleted: true })))).toBe(true);
  });
});

test('the finalizer comes and goes alone', () => {
  const plan = (more: object, used = false) =>
    planProtection(persistentVolumeClaims, claim('a', more), finalizer, () => used).map(
      (write) => write.verb === 'update' && write.object.metadata.finalizers,
    );
  const deletionTimestamp = at(0);
  expect(plan({})).toEqual([[finalizer]]);
  expect(plan({ finalizers: ['x.example/y'] })).toEqual([['x.example/y', finalizer]]);
  expect(plan({ finalizers: [finalizer] })).toEqual([]);
  expect(plan({ deletionTimestamp, finalizers: ['x.example/y', finalizer] })).toEqual([['x.example/y']]);
  expect(plan({ deletionTimestamp, finalizers: [finalizer] }, true)).toEqual([]);
  expect(plan({ deletionTimestamp, finalizers: ['x.example/y'] })).toEqual([]);
});
