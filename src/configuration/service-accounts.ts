// ServiceAccountTokenConfiguration: what upstream has as flags of the API server about service account tokens
// (--service-account-issuer, --api-audiences, --service-account-jwks-uri, --service-account-max-token-expiration,
// --service-account-extend-token-expiration). What is absent has its default in the server.
import type { FieldError } from '../machinery/errors.ts';
import { duplicate, invalid } from '../machinery/validation.ts';
import { Fields } from './fields.ts';

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

const known = [
  'issuers',
  'audiences',
  'jwksURI',
  'maxTokenExpirationSeconds',
  'extendTokenExpiration',
] as const satisfies readonly (keyof ServiceAccountTokens)[];
const seconds = { least: 60 * 60, most: 2 ** 32 };

export const serviceAccountTokens = {
  key: 'serviceAccountTokens',
  group: 'tiffin.dev',
  versions: ['v1'],
  kind: 'ServiceAccountTokenConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): ServiceAccountTokens {
    const fields = new Fields(document, '', ['apiVersion', 'kind', ...known], problems);
    const configured: ServiceAccountTokens = {};
    if (fields.has('issuers')) configured.issuers = texts(fields, 'issuers', issuerProblem);
    if (fields.has('audiences')) configured.audiences = texts(fields, 'audiences', () => undefined);
    if (fields.has('jwksURI')) {
      configured.jwksURI = fields.text('jwksURI');
      if (URL.parse(configured.jwksURI)?.protocol !== 'https:')
        fields.problem(invalid('jwksURI', configured.jwksURI, 'jwksURI requires https scheme'));
    }
    if (fields.has('maxTokenExpirationSeconds')) {
      const most = document.maxTokenExpirationSeconds;
      configured.maxTokenExpirationSeconds = most as number;
      if (!Number.isInteger(most) || Number(most) < seconds.least || Number(most) > seconds.most)
        fields.problem(
          invalid(
            'maxTokenExpirationSeconds',
            most,
            'the service-account-max-token-expiration must be between 1 hour and 2^32 seconds',
          ),
        );
    }
    if (fields.has('extendTokenExpiration'))
      configured.extendTokenExpiration = fields.flag('extendTokenExpiration', true);
    return configured;
  },
} as const;

function texts(
  fields: Fields,
  field: 'issuers' | 'audiences',
  problemOf: (text: string) => string | undefined,
): string[] {
  const values = fields.texts(field);
  if (values.length === 0) fields.problem(invalid(field, values, 'must hold one at least'));
  values.forEach((value, index) => {
    const at = `${field}[${index}]`;
    const problem = value === '' ? 'must not be empty' : problemOf(value);
    if (problem) fields.problem(invalid(at, value, problem));
    else if (values.indexOf(value) < index) fields.problem(duplicate(at, value));
  });
  return values;
}

/** As upstream: whatever has a colon must be a URL; one that others are to discover has neither query nor fragment. */
function issuerProblem(issuer: string): string | undefined {
  if (!issuer.includes(':')) return undefined;
  const url = URL.parse(issuer);
  if (!url) return "contained a ':' but was not a valid URL";
  return url.search === '' && url.hash === '' ? undefined : 'may have neither a query nor a fragment';
}
