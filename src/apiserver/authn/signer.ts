// The service account issuer: signs and checks JWTs with one EC P-256 key (ES256), and publishes its public half.
import {
  calculateJwkThumbprint,
  exportJWK,
  importJWK,
  importPKCS8,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import type { Clock } from '../../ports/index.ts';

export interface Signer {
  sign(claims: JWTPayload): Promise<string>;
  /** The claims of a token that this issuer signed and that has not expired, whomever it is for; undefined for anything else. */
  verify(token: string): Promise<JWTPayload | undefined>;
  jwks(): Promise<{ keys: JWK[] }>;
}

const algorithm = 'ES256';

/** `key`: PEM, PKCS#8. Read on first use; a bad key fails then. */
export function createSigner(key: string, issuer: string, clock: Clock): Signer {
  let loaded: ReturnType<typeof load> | undefined;
  const load = async () => {
    const privateKey = await importPKCS8(key, algorithm, { extractable: true });
    const { kty, crv, x, y } = await exportJWK(privateKey);
    const jwk: JWK = { kty, crv, x, y } as JWK;
    const kid = await calculateJwkThumbprint(jwk);
    const publicKey = await importJWK(jwk, algorithm);
    return { privateKey, publicKey, jwk: { ...jwk, kid, use: 'sig', alg: algorithm } };
  };
  const keys = () => {
    loaded ??= load();
    return loaded;
  };
  return {
    async sign(claims) {
      const { privateKey, jwk } = await keys();
      return new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: jwk.kid }).sign(privateKey);
    },
    async verify(token) {
      const { publicKey } = await keys();
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          algorithms: [algorithm],
          issuer,
          currentDate: new Date(clock.now()),
          requiredClaims: ['exp', 'sub'],
        });
        return payload;
      } catch {
        return undefined;
      }
    },
    async jwks() {
      return { keys: [(await keys()).jwk] };
    },
  };
}
