import { expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../src/generated/schemas/core-v1.ts';
import { admit } from './admission.ts';

const pod = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'd', uid: 'u' } as Pod['metadata'],
  spec: { containers: [{ name: 'a', image: 'i' }], ...spec } as PodSpec,
  status: {},
});

// PodSecurity asks less of both, trusting that no node runs them otherwise.
test.each<[Partial<PodSpec>, string | undefined]>([
  [{ os: { name: 'windows' } }, 'PodOSNotSupported'],
  [{ os: { name: 'linux' } }, undefined],
  [{ hostUsers: false }, 'UserNamespacesNotSupported'],
  [{ hostUsers: true }, undefined],
  [{}, undefined],
])('a pod that says %j: %s', (spec, reason) => expect(admit(pod(spec), [], undefined)?.reason).toBe(reason));
