// The service account issuer: signs tokens with one key of its ring, checks the signatures of tokens with any of them, and
// publishes their public halves. What tokens claim is no business of it.
import type { JWK } from 'jose';
import { toBase64Url } from '../../../machinery/bytes.ts';
import type { Log } from '../../../ports/index.ts';
import { type Jws, unsignedText } from '../jws.ts';
import { signBytes, verifyBytes } from './keys/key.ts';
import type { KeyRing, RingKey } from './keys/ring.ts';

export interface Signer {
  readonly ring: KeyRing;
  /** `neededUntilMs`: until when the token counts unless whoever holds it renews it anyway. Rejects when there is no key. */
  sign(claims: object, neededUntilMs?: number): Promise<string>;
  /** Whether one of the keys signed it. Never rejects. */
  verify(token: Jws): Promise<boolean>;
  /** Every key that verifies, the newest first. */
  jwks(): Promise<{ keys: JWK[] }>;
}

export function createSigner({ ring, log }: { ring: KeyRing; log: Log }): Signer {
  let complained = false;
  const keysFor = async ({ kid, algorithm }: Jws): Promise<readonly RingKey[]> => {
    try {
      const keys = await ring.keys();
      // A key is used for its own algorithm only, whatever the header says.
      return keys.filter(({ key }) => key.algorithm === algorithm && (kid === '' || key.kid === kid));
    } catch (error) {
      if (!complained) log.error('service account keys cannot be read', { error: String(error) });
      complained = true;
      return [];
    }
  };
  return {
    ring,
    async sign(claims, neededUntilMs) {
      const signing = await ring.signing();
      // Before there is a token, so that the key cannot be retired under it.
      if (neededUntilMs !== undefined) await ring.note(signing, neededUntilMs);
      const { kid, algorithm } = signing.key;
      const text = unsignedText({ alg: algorithm, kid }, claims);
      const signature = await signBytes(signing.key, new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>);
      return `${text}.${toBase64Url(signature)}`;
    },
    async verify(token) {
      for (const { key } of await keysFor(token))
        if (await verifyBytes(key, token.signature, token.signed)) return true;
      return false;
    },
    async jwks() {
      return { keys: (await ring.keys()).map(({ key }) => key.jwk) };
    },
  };
}
