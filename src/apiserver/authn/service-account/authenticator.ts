// Service account tokens as bearer tokens. Only what a signature said is remembered; what the token claims is held against
// the ledger on every use, so that deleting the pod, Secret, node or account revokes it at once, and a key that was retired
// makes everything be checked anew.
//
// Order matters: a token whose claims do not hold is refused before its signature is looked at. A stranger would have to know
// the uid of a live account to be worth that much work, and even then it is one check per token.
//
// Tokens are remembered under their own text. Looking one up takes a time that depends on the text, but tells nothing: V8
// compares two texts only where a hash with a secret seed agrees, and the secret of a token, its signature, comes last.
import type { ReadView } from '../../../ledger/types.ts';
import { goQuoted } from '../../../machinery/errors.ts';
import type { Clock } from '../../../ports/index.ts';
import type { User } from '../../core.ts';
import type { Authenticator, Reviewed } from '../authenticator.ts';
import { parseJws, tokenCharsMax } from '../jws.ts';
import { Remembered } from '../remembered.ts';
import { legacyIssuer, problemOf, readClaims, type TokenClaims, userOf } from './claims.ts';
import type { Signer } from './signer.ts';

/** What is counted of tokens that were let in. */
export interface TokenUse {
  /** Of a Secret: neither audience nor end. */
  legacy?(claims: TokenClaims): void;
  /** `stale`: it should have been renewed by now. */
  renewable?(claims: TokenClaims, stale: boolean): void;
}

/** Characters of tokens that are remembered: some three and a half thousand of them. */
const rememberedCharsMax = 4_000_000;
const refusedCharsMax = 500_000;

export function serviceAccountAuthenticator(options: {
  ledger: ReadView;
  signer: Signer;
  /** Of whose tokens is believed what they say; the first issues. */
  issuers: readonly string[];
  /** The API server's. */
  audiences: readonly string[];
  clock: Clock;
  use?: TokenUse;
}): Authenticator {
  const { ledger, signer, issuers, audiences: own, clock, use } = options;
  const signed = new Remembered<{ claims: TokenClaims; user: User }>(rememberedCharsMax);
  const forged = new Remembered<true>(refusedCharsMax);
  let generation = signer.ring.generation;

  const forget = (): void => {
    if (generation === signer.ring.generation) return;
    generation = signer.ring.generation;
    signed.clear();
    forged.clear();
  };
  const audiencesOf = ({ audiences }: TokenClaims, wanted: readonly string[]): string[] =>
    (audiences.length === 0 ? own : audiences).filter((one) => wanted.includes(one));
  const problem = (claims: TokenClaims, token: string): string | undefined =>
    problemOf(claims, token, clock.now(), ledger);

  /** Whose signature holds; `worthwhile` says whether to look at it at all. */
  const known = async (
    token: string,
    worthwhile: (claims: TokenClaims) => boolean,
  ): Promise<{ claims: TokenClaims; user: User } | undefined> => {
    if (token.length > tokenCharsMax) return undefined;
    forget();
    const before = signed.get(token);
    if (before) return before;
    if (forged.get(token)) return undefined;
    const jws = parseJws(token);
    const claims = jws && readClaims(jws.claims);
    if (!claims || !(claims.issuer === legacyIssuer || issuers.includes(claims.issuer))) return undefined;
    if (!worthwhile(claims)) return undefined;
    const asked = generation;
    const holds = await signer.verify(jws);
    forget();
    // Keys came or went meanwhile: what was found out is of those of before.
    if (asked !== generation) return known(token, worthwhile);
    if (!holds) {
      forged.set(token, true);
      return undefined;
    }
    const found = { claims, user: userOf(claims) };
    signed.set(token, found);
    return found;
  };
  /** Counts the use, and notes what is odd about it. */
  const used = ({ claims, user }: { claims: TokenClaims; user: User }): User => {
    const { audiences, subject, warnafter } = claims;
    const notes: Record<string, string> = {};
    if (audiences.length === 0) {
      use?.legacy?.(claims);
      notes['authentication.k8s.io/legacy-token'] = subject;
    }
    if (warnafter) {
      const seconds = Math.floor(clock.now() / 1000) - warnafter;
      const stale = seconds > 0;
      use?.renewable?.(claims, stale);
      if (stale)
        notes['authentication.k8s.io/stale-token'] = `subject: ${subject}, seconds after warning threshold: ${seconds}`;
    }
    return Object.keys(notes).length === 0 ? user : { ...user, notes };
  };

  return {
    async authenticate(token) {
      const found = await known(
        token,
        (claims) => audiencesOf(claims, own).length > 0 && problem(claims, token) === undefined,
      );
      // Looked up after the signature, too: that took its time.
      if (!found || audiencesOf(found.claims, own).length === 0 || problem(found.claims, token)) return undefined;
      return used(found);
    },
    async review(token, wanted): Promise<Reviewed | undefined> {
      const found = await known(token, () => true);
      if (!found) return undefined;
      const { claims } = found;
      const audiences = audiencesOf(claims, wanted);
      if (audiences.length === 0) {
        const named = quotedList(claims.audiences.length === 0 ? own : claims.audiences);
        return { refusal: `token audiences ${named} is invalid for the target audiences ${quotedList(wanted)}` };
      }
      const refusal = problem(claims, token);
      if (refusal !== undefined) return { refusal };
      return { user: used(found), audiences };
    },
  };
}

/** As Go's `%q` prints a list. */
const quotedList = (texts: readonly string[]): string => `[${texts.map(goQuoted).join(' ')}]`;
