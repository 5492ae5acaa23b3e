// Service account tokens: what their claims are, and whether what they are bound to still exists. The signature of a token
// is checked once and remembered until it expires; its bindings are looked up on every use, so that deleting the pod,
// secret or service account revokes it at once.
import type { JWTPayload } from 'jose';
import type { ReadView } from '../../ledger/types.ts';
import { goQuoted } from '../../machinery/errors.ts';
import type { Clock } from '../../ports/index.ts';
import type { User } from '../core.ts';
import { type Authenticator, allAuthenticated, sha256 } from './authenticator.ts';
import type { Signer } from './signer.ts';

interface Reference {
  name: string;
  uid: string;
}

export interface KubernetesClaims {
  namespace: string;
  serviceaccount: Reference;
  pod?: Reference;
  secret?: Reference;
  node?: { name: string; uid?: string };
}

export const claimsKey = 'kubernetes.io';
const rememberedMax = 1000;

export function serviceAccountAuthenticator(options: {
  ledger: ReadView;
  signer: Signer;
  audience: string;
  clock: Clock;
}): Authenticator {
  const { ledger, signer, audience, clock } = options;
  const remembered = new Map<string, JWTPayload>();
  const claimsOf = async (token: string): Promise<JWTPayload | undefined> => {
    if (token.split('.').length !== 3) return undefined;
    const hash = String.fromCharCode(...(await sha256(token)));
    const known = remembered.get(hash);
    if (known) {
      if ((known.exp ?? 0) * 1000 > clock.now()) return known;
      remembered.delete(hash);
      return undefined;
    }
    const claims = await signer.verify(token);
    if (!claims) return undefined;
    if (remembered.size >= rememberedMax) remembered.delete(remembered.keys().next().value as string);
    remembered.set(hash, claims);
    return claims;
  };
  return {
    async authenticate(token) {
      const claims = await claimsOf(token);
      return claims && audiencesOf(claims).includes(audience) ? userOf(ledger, claims) : undefined;
    },
    async review(token, audiences) {
      const claims = await claimsOf(token);
      if (!claims) return undefined;
      const own = audiencesOf(claims);
      const shared = own.filter((one) => audiences.includes(one));
      if (shared.length === 0)
        return {
          refusal: `token audiences ${quotedList(own)} is invalid for the target audiences ${quotedList(audiences)}`,
        };
      const user = userOf(ledger, claims);
      return user && { user, audiences: shared };
    },
  };
}

const audiencesOf = ({ aud = [] }: JWTPayload): string[] => (typeof aud === 'string' ? [aud] : aud);
/** As Go's `%q` prints a list. */
const quotedList = (texts: readonly string[]): string => `[${texts.map(goQuoted).join(' ')}]`;

/** The user of valid claims; undefined when something that they are bound to is gone. */
export function userOf(ledger: ReadView, claims: JWTPayload): User | undefined {
  const own = claims[claimsKey] as Partial<KubernetesClaims> | undefined;
  if (!own?.namespace || !own.serviceaccount) return undefined;
  const { namespace, serviceaccount, pod, secret, node } = own;
  const lives = (resource: string, reference: Reference) => {
    const entry = ledger.get(`${resource}/${reference.name}`);
    // The first uid of a stored value is the object's own (see storage/codec.ts).
    return entry !== undefined && /"uid":"([^"]*)"/.exec(entry.value)?.[1] === reference.uid;
  };
  if (!lives(`serviceaccounts/${namespace}`, serviceaccount)) return undefined;
  if (pod && !lives(`pods/${namespace}`, pod)) return undefined;
  if (secret && !lives(`secrets/${namespace}`, secret)) return undefined;
  // A token of a pod says where the pod was when it was issued; only a token of the node alone ends with the node.
  if (node?.uid && !pod && !lives('nodes', { name: node.name, uid: node.uid })) return undefined;
  const extra: Record<string, string[]> = {};
  if (typeof claims.jti === 'string') extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
  if (pod) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  if (node) {
    extra['authentication.kubernetes.io/node-name'] = [node.name];
    if (node.uid) extra['authentication.kubernetes.io/node-uid'] = [node.uid];
  }
  return {
    name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, allAuthenticated],
    extra,
  };
}
