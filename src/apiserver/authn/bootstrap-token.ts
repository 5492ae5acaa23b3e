// Bootstrap tokens as bearer tokens: `id.secret`, kept in the Secret bootstrap-token-ID of kube-system as kubeadm makes it. They
// live as long as the Secret says and let in members of system:bootstrappers only. What a node buys with one is another
// matter (nodes/join.ts).
import type { Secret } from '../../generated/schemas/core-v1.ts';
import { secrets } from '../../generated/schemas/index.ts';
import type { ReadView } from '../../ledger/types.ts';
import type { Clock } from '../../ports/index.ts';
import { getObject } from '../nodes/objects.ts';
import { type Authenticator, allAuthenticated, constantTimeEqual } from './authenticator.ts';

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const extraGroupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const everyone = 'system:bootstrappers';

export function bootstrapTokenAuthenticator(ledger: ReadView, clock: Clock): Authenticator {
  return {
    async authenticate(token) {
      const [, id, secret] = tokenForm.exec(token) ?? [];
      if (!id || !secret) return undefined;
      const stored = getObject(ledger, secrets, 'kube-system', `bootstrap-token-${id}`);
      const groups = stored && groupsOf(stored, id, secret, clock.now());
      return groups && { name: `system:bootstrap:${id}`, groups: [...groups, allAuthenticated] };
    },
  };
}

/** The groups of whoever has the token; undefined: it lets nobody in. */
function groupsOf(stored: Secret, id: string, secret: string, nowMs: number): string[] | undefined {
  const { metadata, type, data } = stored;
  if (metadata.deletionTimestamp || type !== 'bootstrap.kubernetes.io/token') return undefined;
  const field = (name: string): string => text(data?.[name] ?? '');
  const encoder = new TextEncoder();
  const same = constantTimeEqual(encoder.encode(field('token-secret')), encoder.encode(secret));
  if (!same || field('token-id') !== id || hasExpired(field('expiration'), nowMs)) return undefined;
  if (field('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = field('auth-extra-groups');
  const named = extra === '' ? [] : extra.split(',');
  if (!named.every((group) => extraGroupForm.test(group))) return undefined;
  return [...new Set([everyone, ...named])].sort();
}

/** What cannot be read has expired. */
export function hasExpired(expiration: string, nowMs: number): boolean {
  if (expiration === '') return false;
  return !rfc3339.test(expiration) || !(Date.parse(expiration) > nowMs);
}

function text(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return '';
  }
}
