// What the claims of a token say about its bearer: whether it counts now and here, and who that is. Claims are anything that
// somebody signed: of each, the type is looked at, and nothing is found that the token does not hold itself.
import type { Authentication } from '../../../configuration/authentication.ts';
import type { User } from '../../core.ts';

export type JwtConfiguration = Authentication['jwt'][number];
export type Claims = Readonly<Record<string, unknown>>;

/** A reason to refuse it, in upstream's words as far as it has some. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Clocks of issuers are not all right. */
const notBeforeLeewayMs = 5 * 60_000;
/** Of the names in a token; nobody has one that long. */
const nameCharsMax = 8192;

export const claimOf = (claims: Claims, name: string): unknown =>
  Object.hasOwn(claims, name) ? claims[name] : undefined;

export function textOf(claims: Claims, name: string): string | undefined {
  const value = claimOf(claims, name);
  return typeof value === 'string' ? value : undefined;
}

/** Throws {@link Refusal}: it is over, has not begun, or is for others. */
export function checkTimesAndAudience(claims: Claims, audiences: readonly string[], nowMs: number): void {
  const expires = claimOf(claims, 'exp');
  const notBefore = claimOf(claims, 'nbf');
  if (typeof expires !== 'number' || expires * 1000 <= nowMs) throw new Refusal('oidc: verify token: token is expired');
  if (notBefore !== undefined && notBefore !== null) {
    if (typeof notBefore !== 'number' || notBefore * 1000 > nowMs + notBeforeLeewayMs)
      throw new Refusal('oidc: verify token: before the nbf (not before) time');
  }
  const audience = claimOf(claims, 'aud');
  const given = typeof audience === 'string' ? [audience] : Array.isArray(audience) ? audience : [];
  if (!given.some((one) => typeof one === 'string' && audiences.includes(one)))
    throw new Refusal('oidc: verify token: not for an expected audience');
}

/** Throws {@link Refusal}. Without system:authenticated, which everybody gets. */
export function userOf(claims: Claims, { username, groups, uid, required }: JwtConfiguration): User {
  const name = usernameOf(claims, username);
  const own = groups ? groupsOf(claimOf(claims, groups.claim), groups) : [];
  const id = uid === undefined ? undefined : textOf(claims, uid);
  if (uid !== undefined && id === undefined) throw new Refusal(`oidc: parse uid claim ${JSON.stringify(uid)}`);
  for (const [claim, value] of required) {
    if (!Object.hasOwn(claims, claim)) throw new Refusal(`oidc: required claim ${claim} not present in ID token`);
    if (claims[claim] !== value) throw new Refusal(`oidc: required claim ${claim} value does not match`);
  }
  const credential = textOf(claims, 'jti');
  return {
    name,
    ...(id ? { uid: id } : {}),
    groups: own,
    extra: credential ? { 'authentication.kubernetes.io/credential-id': [`JTI=${credential}`] } : {},
  };
}

function usernameOf(claims: Claims, { claim, prefix }: JwtConfiguration['username']): string {
  const value = textOf(claims, claim);
  // Unlike upstream: whoever has no name is nobody.
  if (!value || value.length > nameCharsMax) throw new Refusal(`oidc: parse username claims ${JSON.stringify(claim)}`);
  if (claim === 'email' && Object.hasOwn(claims, 'email_verified')) {
    if (typeof claims.email_verified !== 'boolean') throw new Refusal("oidc: parse 'email_verified' claim");
    if (!claims.email_verified) throw new Refusal('oidc: email not verified');
  }
  return prefix + value;
}

/** One text counts as a list of it; as upstream, null as none. */
export function groupsOf(value: unknown, { claim, prefix }: { claim: string; prefix: string }): string[] {
  if (value === undefined || value === null) return [];
  const list: unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [undefined];
  return list.map((group) => {
    if (typeof group !== 'string' || group.length > nameCharsMax)
      throw new Refusal(`oidc: parse groups claim ${JSON.stringify(claim)}`);
    return prefix + group;
  });
}
