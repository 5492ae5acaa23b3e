// RequestAuthentication: what upstream has as flags of the API server about who sends a request (--client-ca-file,
// --authentication-token-webhook-…), and identities of Cloudflare Access, which upstream knows nothing of. Nothing of it
// counts unless it is configured.

import { authorityIdentity } from '../machinery/distinguished-name.ts';
import type { FieldError } from '../machinery/errors.ts';
import { invalid, required } from '../machinery/validation.ts';
import { Fields } from './fields.ts';
import { readServer, type Server, serverFields } from './outgoing.ts';

export interface RequestAuthentication {
  readonly cloudflareAccess?: CloudflareAccess;
  readonly clientCertificates?: ClientCertificates;
  readonly tokenWebhook?: TokenWebhook;
}

export interface CloudflareAccess {
  /** `https://TEAM.cloudflareaccess.com`: who signs. */
  readonly issuer: string;
  /** Application audience tags. */
  readonly audiences: readonly string[];
  readonly usernamePrefix: string;
  /** A claim that the identity provider was told to add. */
  readonly groupsClaim?: string;
  readonly groupsPrefix: string;
}

/** PEM, one certificate: who must have signed them. */
export interface ClientCertificates {
  readonly certificateAuthority: string;
}

export interface TokenWebhook {
  readonly server: Server;
  readonly timeoutMs: number;
  /** How long its answers hold; 0: each token is asked about each time. */
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
}

const timeoutMaxMs = 30_000;

export const requestAuthentication = {
  key: 'requestAuthentication',
  group: 'tiffin.dev',
  versions: ['v1'],
  kind: 'RequestAuthentication',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): RequestAuthentication {
    const known = ['apiVersion', 'kind', 'cloudflareAccess', 'clientCertificates', 'tokenWebhook'];
    const fields = new Fields(document, '', known, problems);
    return {
      ...(fields.has('cloudflareAccess') ? { cloudflareAccess: readAccess(fields) } : {}),
      ...(fields.has('clientCertificates') ? { clientCertificates: readCertificates(fields) } : {}),
      ...(fields.has('tokenWebhook') ? { tokenWebhook: readWebhook(fields) } : {}),
    };
  },
} as const;

function readAccess(parent: Fields): CloudflareAccess {
  const known = ['teamDomain', 'audiences', 'usernamePrefix', 'groupsClaim', 'groupsPrefix'];
  const fields = parent.child('cloudflareAccess', known);
  const team = fields.text('teamDomain');
  if (team === '') fields.problem(required(fields.path('teamDomain')));
  else if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(team))
    fields.problem(invalid(fields.path('teamDomain'), team, 'must be a domain such as team.cloudflareaccess.com'));
  const audiences = fields.texts('audiences');
  if (audiences.length === 0)
    fields.problem(required(fields.path('audiences'), "at least one application's audience tag"));
  audiences.forEach((audience, i) => {
    if (audience === '') fields.problem(required(`${fields.path('audiences')}[${i}]`));
  });
  const prefix = (field: string) => {
    if (!fields.has(field))
      fields.problem(required(fields.path(field), 'it can be set to an empty string to disable prefixing'));
    return fields.text(field);
  };
  const groupsClaim = fields.text('groupsClaim');
  return {
    issuer: `https://${team}`,
    audiences,
    usernamePrefix: prefix('usernamePrefix'),
    groupsPrefix: groupsClaim ? prefix('groupsPrefix') : '',
    ...(groupsClaim ? { groupsClaim } : {}),
  };
}

function readCertificates(parent: Fields): ClientCertificates {
  const fields = parent.child('clientCertificates', ['certificateAuthority']);
  const certificateAuthority = fields.text('certificateAuthority');
  const path = fields.path('certificateAuthority');
  if (certificateAuthority === '') fields.problem(required(path));
  else if (!authorityIdentity(certificateAuthority))
    fields.problem(invalid(path, '<omitted>', 'must be a certificate in PEM with a name and a subject key identifier'));
  return { certificateAuthority };
}

function readWebhook(parent: Fields): TokenWebhook {
  const known = ['timeout', 'authorizedTTL', 'unauthorizedTTL', ...serverFields];
  const fields = parent.child('tokenWebhook', known);
  const ms = (field: string, absentMs: number, mostMs: number) => {
    const value = fields.has(field) ? fields.durationMs(field) : absentMs;
    if (value < 0 || value > mostMs || (field === 'timeout' && value === 0))
      fields.problem(invalid(fields.path(field), fields.text(field), `must be at most ${mostMs / 1000}s`));
    return value;
  };
  return {
    server: readServer(fields),
    timeoutMs: ms('timeout', 10_000, timeoutMaxMs),
    authorizedTtlMs: ms('authorizedTTL', 2 * 60_000, 60 * 60_000),
    unauthorizedTtlMs: ms('unauthorizedTTL', 30_000, 60 * 60_000),
  };
}
