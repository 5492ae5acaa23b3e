import { describe, expect, test } from 'vitest';
import { cellsOf, createOf, objectOf, updateOf } from '../../testing.ts';
import persistentVolumes from '../persistentvolumes/definition.ts';
import persistentVolumeClaims from './definition.ts';

const claim = (storage: string, more: object = {}) => ({
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...more },
});
const volume = (more: object = {}) => ({
  spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' }, ...more },
});

describe('PersistentVolumeClaim', () => {
  test('defaults, and what a new claim has of a status', () => {
    const { object, problems } = createOf(persistentVolumeClaims, { ...claim('1Gi'), status: { phase: 'Bound' } });
    expect(problems).toEqual([]);
    expect(object).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } });
  });

  const bound = { ...claim('2Gi', { volumeName: 'v' }), status: { phase: 'Bound', capacity: { storage: '1Gi' } } };
  const whole = (storage: string, more: object = {}) =>
    claim(storage, { volumeName: 'v', volumeMode: 'Filesystem', ...more });
  const old = objectOf(persistentVolumeClaims, { ...bound, ...whole('2Gi') });

  test.each<[string, object, number]>([
    ['a bound claim grows', whole('3Gi'), 0],
    ['growth is taken back down to more than there is', whole('1500Mi'), 0],
    ['but not to what there is', whole('1Gi'), 1],
    ['the volume stays', whole('2Gi', { volumeName: 'w' }), 1],
    ['a class may be set where there was none', whole('2Gi', { storageClassName: 'w' }), 0],
  ])('%s', (_, changed, count) => {
    expect(updateOf(persistentVolumeClaims, old, { ...bound, ...changed }).problems).toHaveLength(count);
  });

  test('a pending claim cannot grow', () => {
    const pending = createOf(persistentVolumeClaims, claim('1Gi')).object;
    const { problems } = updateOf(persistentVolumeClaims, pending, { ...claim('2Gi'), status: { phase: 'Pending' } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^spec: Forbidden: spec is immutable after creation/);
  });

  test('cells', () => {
    expect(cellsOf(persistentVolumeClaims, old)).toMatchObject({ Name: 'x', Status: 'Bound', Volume: 'v' });
  });
});

describe('PersistentVolume', () => {
  test('defaults', () => {
    const { object, problems } = createOf(persistentVolumes, volume());
    expect(problems).toEqual([]);
    expect(object).toMatchObject({
      spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' },
      status: { phase: 'Pending' },
    });
  });

  test('the source and the mode stay', () => {
    const old = createOf(persistentVolumes, volume()).object;
    const changed = (spec: object) =>
      updateOf(persistentVolumes, old, { ...volume(spec), status: old.status }).problems.map(
        (one) => one.split(':')[0],
      );
    expect(changed({ capacity: { storage: '2Gi' }, persistentVolumeReclaimPolicy: 'Delete' })).toEqual([]);
    expect(changed({ hostPath: { path: '/y' } })).toEqual(['spec.persistentvolumesource']);
    expect(changed({ volumeMode: 'Block' })).toEqual(['volumeMode']);
  });

  test('cells', () => {
    const bound = createOf(persistentVolumes, volume({ claimRef: { namespace: 'n', name: 'c' } })).object;
    expect(cellsOf(persistentVolumes, bound)).toMatchObject({
      Name: 'x',
      Capacity: '1Gi',
      'Access Modes': 'RWO',
      'Reclaim Policy': 'Retain',
      Claim: 'n/c',
    });
  });
});
