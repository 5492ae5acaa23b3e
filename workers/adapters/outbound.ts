// The Fetch port: calls to webhooks, issuers and sinks. A Worker cannot choose whom a single call trusts: locally `tiffin up`
// gives each configured authority a network of its own; on Cloudflare there is none, and such a call fails rather than
// trust anybody else.
import { certificateAuthorities } from '../../src/configuration/certificate-authorities.ts';
import type { Configuration } from '../../src/configuration/configuration.ts';
import type { Fetch } from '../../src/ports/index.ts';
import type { Env } from '../env.ts';

export function outbound(env: Env, configuration: Configuration): Fetch {
  const authorities = certificateAuthorities(configuration);
  return async (request, { certificateAuthority } = {}) => {
    if (certificateAuthority === undefined) return fetch(request);
    const network = env[`OUTBOUND_${authorities.indexOf(certificateAuthority)}`];
    if (!network) throw new Error('a certificate authority of its own cannot be trusted here');
    return network.fetch(request);
  };
}
