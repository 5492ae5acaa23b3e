// The service account issuer as one part of the server: its settings, its signer over its keys, the authenticator of its
// tokens, and what an administrator and a metrics reader see of it.
import type { ServiceAccountTokens } from '../../../configuration/service-accounts.ts';
import type { Ledger } from '../../../ledger/types.ts';
import type { Clock, ClusterConfig, Log, Random } from '../../../ports/index.ts';
import type { Writer } from '../../../reconcile/types.ts';
import { Counter, type Family } from '../../metrics/families.ts';
import type { KeyFamily } from '../../pages/keys.ts';
import type { Authenticator } from '../authenticator.ts';
import { serviceAccountAuthenticator } from './authenticator.ts';
import { serviceAccountKeys } from './keys/administration.ts';
import { KeyRing } from './keys/ring.ts';
import { lastUsed } from './last-used.ts';
import { type TokenSettings, tokenSettings } from './settings.ts';
import { createSigner, type Signer } from './signer.ts';

export interface ServiceAccountIssuer {
  readonly settings: TokenSettings;
  readonly signer: Signer;
  readonly authenticator: Authenticator;
  readonly keys: KeyFamily;
  readonly metrics: readonly Family[];
}

export function serviceAccountIssuer(options: {
  /** One or several keys; the first private one signs until rotation has made another. */
  pem: string;
  config: ClusterConfig;
  configured?: ServiceAccountTokens | undefined;
  ledger: Ledger;
  clock: Clock;
  random: Random;
  log: Log;
  /** Writes down which tokens of Secrets are still used; absent: nobody does. */
  writer?: Writer;
}): ServiceAccountIssuer {
  const { pem, config, configured, ledger, clock, random, log, writer } = options;
  const settings = tokenSettings(config, configured);
  const ring = new KeyRing({ pem, ledger, clock, random });
  const signer = createSigner({ ring, log });
  // Now, so that whoever configured what is no key reads of it before the first token does.
  ring.keys().catch((error: unknown) => log.error('service account keys cannot be read', { error: String(error) }));
  const legacy = new Counter(
    'serviceaccount_legacy_tokens_total',
    '[ALPHA] Cumulative legacy service account tokens used',
  );
  const stale = new Counter(
    'serviceaccount_stale_tokens_total',
    '[ALPHA] Cumulative stale projected service account tokens used',
  );
  const valid = new Counter(
    'serviceaccount_valid_tokens_total',
    '[ALPHA] Cumulative valid projected service account tokens used',
  );
  const used = writer && lastUsed({ ledger, clock, log, writer });
  const authenticator = serviceAccountAuthenticator({
    ledger,
    signer,
    issuers: settings.issuers,
    audiences: settings.audiences,
    clock,
    use: {
      legacy(claims) {
        legacy.cell('').count++;
        used?.(claims);
      },
      renewable: (_claims, late) => void (late ? stale : valid).cell('').count++,
    },
  });
  const keys = serviceAccountKeys({ ring, ledger, clock });
  return { settings, signer, authenticator, keys, metrics: [legacy, stale, valid] };
}
