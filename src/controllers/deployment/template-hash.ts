// The name of a pod template: a stable 32-bit FNV-1a over its canonical JSON, in the alphabet that cannot spell words.
// It differs from upstream's, which hashes a Go dump; nothing depends on the value, only on its being stable.
import type { PodTemplateSpec } from '../../generated/schemas/core-v1.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { canonical } from '../lib/json.ts';

export const hashLabel = 'pod-template-hash';
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** `collisionCount` salts the hash after two templates have met in one name. */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const text = `${canonical(template)}${collisionCount === undefined ? '' : `#${collisionCount}`}`;
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return [...hash.toString()].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}

/** Same template but for the hash label that a ReplicaSet adds. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return equalJson(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  const { creationTimestamp: __, ...metadata } =
    template?.metadata ?? ({} as Partial<NonNullable<PodTemplateSpec['metadata']>>);
  return { metadata: { ...metadata, labels }, spec: template?.spec };
}

/** ReplicaSet names are `deployment-hash`, within 253 characters. */
export function replicaSetName(deployment: string, hash: string): string {
  return `${deployment.slice(0, 253 - hash.length - 1)}-${hash}`;
}
