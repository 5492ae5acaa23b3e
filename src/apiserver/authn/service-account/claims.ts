// What a service account token claims, and whether that still holds: times, and the objects that the token is bound to. Of
// both forms: those of TokenRequests (claim `kubernetes.io`), and those in Secrets of type
// kubernetes.io/service-account-token (`kubernetes.io/serviceaccount/…`), which have no end but their Secret's. Everything is
// looked up as it is now. Says nothing of signatures.
import type { Secret } from '../../../generated/schemas/core-v1.ts';
import { secrets } from '../../../generated/schemas/index.ts';
import type { ReadView } from '../../../ledger/types.ts';
import { constantTimeEqual, textToBase64 } from '../../../machinery/bytes.ts';
import { isJsonObject } from '../../../machinery/schema/json.ts';
import type { User } from '../../core.ts';
import { getObject } from '../../nodes/objects.ts';
import { allAuthenticated } from '../authenticator.ts';

export interface Reference {
  name: string;
  uid: string;
}

/** The claim `kubernetes.io`. */
export interface KubernetesClaims {
  namespace: string;
  serviceaccount: Reference;
  pod?: Reference;
  secret?: Reference;
  node?: { name: string; uid?: string };
  /** Seconds since the epoch: whoever still uses the token then should have renewed it. */
  warnafter?: number;
}

export const claimsKey = 'kubernetes.io';
export const legacyIssuer = 'kubernetes/serviceaccount';
export const legacyPrefix = 'kubernetes.io/serviceaccount/';
const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since';
/** As upstream's: clocks differ, and so long a token outlives the deletion of what it is bound to while that is held up. */
const leewayMs = 60_000;

export interface TokenClaims extends Partial<KubernetesClaims> {
  issuer: string;
  subject: string;
  /** Empty: for the API server alone. */
  audiences: readonly string[];
  id?: string;
  expires?: number;
  notBefore?: number;
  issuedAt?: number;
  namespace: string;
  serviceaccount: Reference;
  /** In whose `data.token` it stands. */
  legacySecret?: string;
}

/** The claims of a payload; undefined where one is missing or of another type. */
export function readClaims(payload: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const { iss, sub, aud = [], jti, exp, nbf, iat } = payload;
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (typeof iss !== 'string' || typeof sub !== 'string' || !isTexts(audiences)) return undefined;
  if (![exp, nbf, iat].every((time) => time === undefined || Number.isFinite(time))) return undefined;
  if (jti !== undefined && typeof jti !== 'string') return undefined;
  const own = iss === legacyIssuer ? readLegacy(payload, sub) : readBound(payload[claimsKey], exp);
  return (
    own && {
      issuer: iss,
      subject: sub,
      audiences,
      ...own,
      ...(jti === undefined ? {} : { id: jti }),
      ...(exp === undefined ? {} : { expires: exp as number }),
      ...(nbf === undefined ? {} : { notBefore: nbf as number }),
      ...(iat === undefined ? {} : { issuedAt: iat as number }),
    }
  );
}

function readBound(claim: unknown, expires: unknown): KubernetesClaims | undefined {
  // None is issued without an end.
  if (!isJsonObject(claim) || expires === undefined) return undefined;
  const { namespace, serviceaccount, pod, secret, node, warnafter } = claim;
  if (!isName(namespace) || !isReference(serviceaccount)) return undefined;
  if (pod !== undefined && !isReference(pod)) return undefined;
  if (secret !== undefined && !isReference(secret)) return undefined;
  if (
    node !== undefined &&
    !(isJsonObject(node) && isName(node.name) && ['string', 'undefined'].includes(typeof node.uid))
  )
    return undefined;
  if (warnafter !== undefined && !Number.isFinite(warnafter)) return undefined;
  return claim as unknown as KubernetesClaims;
}

function readLegacy(
  payload: Readonly<Record<string, unknown>>,
  subject: string,
): Pick<TokenClaims, 'namespace' | 'serviceaccount' | 'legacySecret'> | undefined {
  const claim = (name: string) => payload[legacyPrefix + name];
  const [namespace, legacySecret] = [claim('namespace'), claim('secret.name')];
  const serviceaccount = { name: claim('service-account.name'), uid: claim('service-account.uid') };
  if (!isName(namespace) || !isName(legacySecret) || !isReference(serviceaccount)) return undefined;
  if (subject !== `system:serviceaccount:${namespace}:${serviceaccount.name}`) return undefined;
  return { namespace, serviceaccount, legacySecret };
}

/**
 * Why the token does not count now, in upstream's words; undefined: it does. Of a legacy token, `text` is held against the
 * Secret's.
 */
export function problemOf(claims: TokenClaims, text: string, nowMs: number, view: ReadView): string | undefined {
  const { expires, notBefore, issuedAt } = claims;
  if (expires !== undefined && nowMs - leewayMs > expires * 1000) return 'service account token has expired';
  if (notBefore !== undefined && nowMs + leewayMs < notBefore * 1000) return 'service account token is not valid yet';
  if (issuedAt !== undefined && nowMs + leewayMs < issuedAt * 1000)
    return 'service account token is issued in the future';
  return claims.legacySecret === undefined
    ? boundProblem(claims, nowMs, view)
    : legacyProblem(claims, claims.legacySecret, text, view);
}

const invalidated = 'service account token has been invalidated';

function boundProblem(claims: TokenClaims, nowMs: number, view: ReadView): string | undefined {
  const { namespace, serviceaccount: account, pod, secret, node } = claims;
  const held = identityOf(view, `serviceaccounts/${namespace}/${account.name}`);
  if (!held) return `serviceaccounts ${JSON.stringify(account.name)} not found`;
  if (isGone(held, nowMs)) return `service account ${namespace}/${account.name} has been deleted`;
  if (held.uid !== account.uid) return `service account UID (${held.uid}) does not match claim (${account.uid})`;
  const bound = (kind: string, key: string, uid: string, claim: string): string | undefined => {
    const object = identityOf(view, key);
    if (!object || isGone(object, nowMs)) return invalidated;
    return object.uid === uid ? undefined : `${kind} UID (${object.uid}) does not match ${claim} ref claim (${uid})`;
  };
  const secretProblem =
    secret && bound('secret', `secrets/${namespace}/${secret.name}`, secret.uid, 'service account secret');
  if (secretProblem) return secretProblem;
  const podProblem = pod && bound('pod', `pods/${namespace}/${pod.name}`, pod.uid, 'service account pod');
  if (podProblem) return podProblem;
  // A token of a pod says where the pod was when it was issued; only a token of the node alone ends with the node.
  return node && !pod ? bound('node', `nodes/${node.name}`, node.uid ?? '', 'service account node') : undefined;
}

function legacyProblem(
  { namespace, serviceaccount: account }: TokenClaims,
  secretName: string,
  text: string,
  view: ReadView,
): string | undefined {
  const secret: Secret | undefined = getObject(view, secrets, namespace, secretName);
  if (!secret || secret.metadata.deletionTimestamp) return 'service account token has been invalidated';
  if (!constantTimeEqual(secret.data?.token ?? '', textToBase64(text)))
    return "service account token does not match server's copy";
  const held = identityOf(view, `serviceaccounts/${namespace}/${account.name}`);
  if (!held) return `serviceaccounts ${JSON.stringify(account.name)} not found`;
  if (held.deleted !== undefined) return `service account ${namespace}/${account.name} has been deleted`;
  if (held.uid !== account.uid) return `service account UID (${held.uid}) does not match claim (${account.uid})`;
  if (secret.metadata.labels?.[invalidSinceLabel])
    return (
      `the token in secret ${namespace}/${secretName} for service account ${namespace}/${account.name} has been marked ` +
      'invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the ' +
      `'${invalidSinceLabel}' label from the secret to temporarily allow use of this token`
    );
  return undefined;
}

interface Identity {
  uid: string;
  deleted: string | undefined;
}

/** What comes in stored metadata from the uid on, before anything that somebody may write as he likes (see storage/codec.ts). */
const identity =
  /"uid":"([^"]*)","resourceVersion":"[^"]*"(?:,"generation":\d+)?(?:,"creationTimestamp":"[^"]*")?(?:,"deletionTimestamp":"([^"]*)")?/;

function identityOf(view: ReadView, key: string): Identity | undefined {
  const entry = view.get(key);
  const [found, uid = '', deleted] = (entry && identity.exec(entry.value)) ?? [];
  return found === undefined ? undefined : { uid, deleted };
}

const isGone = ({ deleted }: Identity, nowMs: number): boolean =>
  deleted !== undefined && Date.parse(deleted) < nowMs - leewayMs;

/** Whoever bears the token. */
export function userOf({ namespace, serviceaccount, id, pod, node }: TokenClaims): User {
  const extra: Record<string, string[]> = {};
  const note = (name: string, value: string | undefined) => {
    if (value) extra[`authentication.kubernetes.io/${name}`] = [value];
  };
  note('credential-id', id && `JTI=${id}`);
  note('pod-name', pod?.name);
  note('pod-uid', pod?.uid);
  note('node-name', node?.name);
  note('node-uid', node?.uid);
  return {
    name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, allAuthenticated],
    extra,
  };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
/** Part of a key of the ledger. */
const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && !value.includes('/');
const isReference = (value: unknown): value is Reference =>
  isJsonObject(value) && isName(value.name) && typeof value.uid === 'string' && value.uid !== '';
