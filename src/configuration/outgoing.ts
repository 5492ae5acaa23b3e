// What calls out of the API server have in common, whatever they are for: where to, and whom they trust there.

import { pemBlocks } from '../machinery/pem.ts';
import { invalid, required } from '../machinery/validation.ts';
import type { Fields } from './fields.ts';

/** A webhook: upstream has it as a kubeconfig file, of which this is what matters. */
export interface Server {
  readonly url: string;
  /** PEM; absent: the authorities that browsers trust. */
  readonly certificateAuthority?: string;
  /** Sent as a bearer token. */
  readonly token?: string;
}

export const serverFields = ['server', 'certificateAuthority', 'token'] as const;

export function readServer(fields: Fields): Server {
  const url = fields.text('server');
  if (url === '') fields.problem(required(fields.path('server')));
  else requireUrl(fields, 'server', url, { loopback: true, query: true });
  const certificateAuthority = readAuthority(fields);
  const token = fields.text('token');
  if (/[^\x21-\x7e]/.test(token))
    fields.problem(invalid(fields.path('token'), '<omitted>', 'must be visible ASCII characters alone'));
  return { url, ...(certificateAuthority ? { certificateAuthority } : {}), ...(token ? { token } : {}) };
}

/** `certificateAuthority`; undefined where there is none. */
export function readAuthority(fields: Fields): string | undefined {
  const pem = fields.text('certificateAuthority');
  if (pem === '') return undefined;
  const found = pemBlocks(pem).some((block) => block.type === 'CERTIFICATE');
  if (!found)
    fields.problem(
      invalid(
        fields.path('certificateAuthority'),
        '<omitted>',
        'data does not contain any valid RSA or ECDSA certificates',
      ),
    );
  return pem;
}

/** Upstream's words. `loopback`: on this machine it may be plain http. */
export function requireUrl(
  fields: Fields,
  field: string,
  text: string,
  { loopback = false, query = false }: { loopback?: boolean; query?: boolean } = {},
): void {
  const wrong = (detail: string) => fields.problem(invalid(fields.path(field), text, detail));
  const url = URL.parse(text);
  if (!url) {
    wrong('must be a URL');
    return;
  }
  if (url.protocol !== 'https:' && !(loopback && url.protocol === 'http:' && isLoopback(url.hostname)))
    wrong('URL scheme must be https');
  if (url.username !== '' || url.password !== '') wrong('URL must not contain a username or password');
  if (url.search !== '' && !query) wrong('URL must not contain a query');
  if (url.hash !== '') wrong('URL must not contain a fragment');
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
