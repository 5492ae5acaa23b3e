// Bootstrap tokens as bearer tokens: `id.secret`, kept in the Secret bootstrap-token-ID of kube-system as kubeadm makes it. They
// live as long as the Secret says and let in members of system:bootstrappers only. What a node buys with one is another
// matter (nodes/join.ts).
import type { Secret } from '../../generated/schemas/core-v1.ts';
import { secrets } from '../../generated/schemas/index.ts';
import type { ReadView } from '../../ledger/types.ts';
import { constantTimeEqual, textFromBase64 } from '../../machinery/bytes.ts';
import { parseTime } from '../../machinery/time.ts';
import type { Clock } from '../../ports/index.ts';
import { getObject } from '../nodes/objects.ts';
import { type Authenticator, allAuthenticated } from './authenticator.ts';

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const extraGroupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const everyone = 'system:bootstrappers';

export function bootstrapTokenAuthenticator(ledger: ReadView, clock: Clock): Authenticator {
  return {
    async authenticate(token) {
      const found = bootstrapTokenOf(ledger, clock.now(), token);
      return found && { name: `system:bootstrap:${found.id}`, groups: [...found.groups, allAuthenticated] };
    },
  };
}

/** The Secret of a bootstrap token that is good now; undefined: it lets nobody in. */
export function bootstrapTokenOf(
  ledger: ReadView,
  nowMs: number,
  token: string,
): { id: string; secret: Secret; groups: string[] } | undefined {
  const [, id, wanted] = tokenForm.exec(token) ?? [];
  if (!id || !wanted) return undefined;
  const secret = getObject(ledger, secrets, 'kube-system', `bootstrap-token-${id}`);
  const groups = secret && groupsOf(secret, id, wanted, nowMs);
  return groups && { id, secret, groups };
}

/** The groups of whoever has the token; undefined: it lets nobody in. */
function groupsOf(stored: Secret, id: string, secret: string, nowMs: number): string[] | undefined {
  const { metadata, type, data } = stored;
  if (metadata.deletionTimestamp || type !== 'bootstrap.kubernetes.io/token') return undefined;
  const field = (name: string): string => textFromBase64(data?.[name] ?? '') ?? '';
  const same = constantTimeEqual(field('token-secret'), secret);
  if (!same || field('token-id') !== id || hasExpired(field('expiration'), nowMs)) return undefined;
  if (field('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = field('auth-extra-groups');
  const named = extra === '' ? [] : extra.split(',');
  if (!named.every((group) => extraGroupForm.test(group))) return undefined;
  return [...new Set([everyone, ...named])].sort();
}

/** What cannot be read has expired. */
function hasExpired(expiration: string, nowMs: number): boolean {
  return expiration !== '' && (parseTime(expiration) ?? 0) <= nowMs;
}
