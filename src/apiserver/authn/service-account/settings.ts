// What of the service account issuer is configured, with everything else in place.
import type { ServiceAccountTokens } from '../../../configuration/service-accounts.ts';
import type { ClusterConfig } from '../../../ports/index.ts';

export interface TokenSettings {
  /** The first issues; the tokens of all count. */
  readonly issuers: readonly string[];
  /** The API server's. */
  readonly audiences: readonly string[];
  readonly jwksUri: string;
  readonly maxSeconds?: number;
  /** Tokens of pods, which are renewed each hour, count for a year. */
  readonly extend: boolean;
}

export const jwksPath = '/openid/v1/jwks';

export function tokenSettings(config: ClusterConfig, configured: ServiceAccountTokens = {}): TokenSettings {
  const issuers = configured.issuers ?? [config.issuer];
  const { maxTokenExpirationSeconds: maxSeconds } = configured;
  return {
    issuers,
    audiences: configured.audiences ?? issuers,
    jwksUri: configured.jwksURI ?? `${issuers[0]?.replace(/\/$/, '')}${jwksPath}`,
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
    extend: configured.extendTokenExpiration ?? true,
  };
}
