// Bootstrap tokens: Secrets of type bootstrap.kubernetes.io/token in kube-system, `id.secret` as kubeadm writes them.
import { randomInt } from 'node:crypto';
import { joinsLeftKey } from '../protocol/node.ts';
import type { Api } from './api.ts';
import { certificateKeyHash } from './pin.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const random = (length: number) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

export interface TokenOptions {
  /** 0: it does not expire. */
  ttlMs: number;
  /** How many machines may join with it; 0: as many as like. */
  joins: number;
  description?: string;
}

/** Creates a token that lets machines join as nodes. The cluster's key is named in it, as `id.secret@sha256:HEX`. */
export async function createBootstrapToken(api: Api, { ttlMs, joins, description }: TokenOptions): Promise<string> {
  const { ca } = await api.json<{ ca: string }>('GET', '/tiffin.dev/v1/cluster');
  const id = random(6);
  const secret = random(16);
  await api.json('POST', '/api/v1/namespaces/kube-system/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      ...(ttlMs > 0 ? { expiration: new Date(Date.now() + ttlMs).toISOString() } : {}),
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      ...(joins > 0 ? { [joinsLeftKey]: String(joins) } : {}),
      'auth-extra-groups': 'system:bootstrappers:tiffin:default-node-token',
      ...(description ? { description } : {}),
    },
  });
  return `${id}.${secret}@sha256:${certificateKeyHash(ca)}`;
}
