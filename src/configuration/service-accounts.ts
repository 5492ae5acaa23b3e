// ServiceAccountTokenConfiguration: what upstream has as flags of the API server about service account tokens
// (--service-account-issuer, --api-audiences, --service-account-jwks-uri, --service-account-max-token-expiration,
// --service-account-extend-token-expiration). What is absent has its default in the server.
import type { FieldError } from '../machinery/errors.ts';
import { invalid } from '../machinery/validation.ts';

export interface ServiceAccountTokens {
  /** Whose tokens count; the first issues them. */
  issuers?: string[];
  /** For whom a token is that gets in here, and one that names no audience; default: the issuers. */
  audiences?: string[];
  /** Where others read the keys; default: /openid/v1/jwks below the first issuer. */
  jwksURI?: string;
  /** A token that is asked for with a longer life gets this one. */
  maxTokenExpirationSeconds?: number;
  /** Whether the tokens of pods, which are renewed each hour, still count for a year; default: true. */
  extendTokenExpiration?: boolean;
}

const maxSeconds = { least: 60 * 60, most: 2 ** 32 };

const fields: Readonly<Record<keyof ServiceAccountTokens, (value: unknown) => string | undefined>> = {
  issuers: (value) => listProblem(value) ?? (value as string[]).map(issuerProblem).find(Boolean),
  audiences: listProblem,
  jwksURI: (value) =>
    typeof value === 'string' && urlOf(value)?.protocol === 'https:' ? undefined : 'must be a URL of the https scheme',
  maxTokenExpirationSeconds: (value) =>
    Number.isInteger(value) && Number(value) >= maxSeconds.least && Number(value) <= maxSeconds.most
      ? undefined
      : 'the service-account-max-token-expiration must be between 1 hour and 2^32 seconds',
  extendTokenExpiration: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
};

export const serviceAccountTokens = {
  key: 'serviceAccountTokens',
  group: 'tiffin.dev',
  versions: ['v1'],
  kind: 'ServiceAccountTokenConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): ServiceAccountTokens {
    const { apiVersion: _apiVersion, kind: _kind, ...rest } = document;
    for (const [field, value] of Object.entries(rest)) {
      const check = Object.hasOwn(fields, field) ? fields[field as keyof ServiceAccountTokens] : undefined;
      const problem = check ? check(value) : `unknown field, expected one of ${Object.keys(fields).join(', ')}`;
      if (problem) problems.push(invalid(field, value, problem));
    }
    return rest as ServiceAccountTokens;
  },
} as const;

function listProblem(value: unknown): string | undefined {
  const texts = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string' && one !== '');
  if (!texts) return 'must be a list of texts, with one at least';
  return new Set(value).size === value.length ? undefined : 'must hold nothing twice';
}

/** As upstream: whatever has a colon must be a URL; discovery asks for more than that. */
function issuerProblem(issuer: string): string | undefined {
  if (!issuer.includes(':')) return undefined;
  const url = urlOf(issuer);
  if (!url) return `service-account-issuer ${JSON.stringify(issuer)} contained a ':' but was not a valid URL`;
  return url.search === '' && url.hash === '' ? undefined : 'may have neither a query nor a fragment';
}

const urlOf = (text: string): URL | undefined => URL.parse(text) ?? undefined;
