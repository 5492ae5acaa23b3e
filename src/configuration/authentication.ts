// AuthenticationConfiguration: whose tokens count besides the cluster's own, who is whom by them, and where somebody without
// any is let through as system:anonymous. What upstream has as expressions of CEL is refused, since nothing here evaluates
// them: it must not look as if a rule were in force.
import type { FieldError } from '../machinery/errors.ts';
import { duplicate, forbidden, invalid, notSupported, required, tooMany } from '../machinery/validation.ts';
import { defaultClusterConfig } from '../ports/index.ts';
import type { Configuration } from './configuration.ts';
import { Fields } from './fields.ts';
import { readAuthority, requireUrl } from './outgoing.ts';

export interface Authentication {
  readonly jwt: readonly JwtAuthenticator[];
  readonly anonymous?: Anonymous;
}

export interface Anonymous {
  readonly enabled: boolean;
  /** Empty: all. */
  readonly paths: readonly string[];
}

export interface PrefixedClaim {
  readonly claim: string;
  readonly prefix: string;
}

export interface JwtAuthenticator {
  readonly issuer: {
    readonly url: string;
    readonly discoveryURL?: string;
    readonly certificateAuthority?: string;
    readonly audiences: readonly string[];
  };
  readonly username: PrefixedClaim;
  readonly groups?: PrefixedClaim;
  /** A claim. */
  readonly uid?: string;
  /** Claims and the values that they must have. */
  readonly required: ReadonlyMap<string, string>;
}

const issuersMax = 64;
const noExpressions = 'CEL expressions are not supported yet';

export const authenticationConfiguration = {
  key: 'authentication',
  group: 'apiserver.config.k8s.io',
  versions: ['v1', 'v1beta1'],
  kind: 'AuthenticationConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): Authentication {
    const fields = new Fields(document, '', ['apiVersion', 'kind', 'jwt', 'anonymous'], problems);
    const anonymous = fields.has('anonymous') ? readAnonymous(fields) : undefined;
    const issuers = fields.list('jwt').length;
    if (issuers > issuersMax) problems.push(tooMany('jwt', issuers, issuersMax));
    const jwt = issuers > issuersMax ? [] : fields.children('jwt', jwtFields).map(readJwt);
    refuseRepeated(jwt, 'url', problems);
    refuseRepeated(jwt, 'discoveryURL', problems);
    return { jwt, ...(anonymous ? { anonymous } : {}) };
  },
} as const;

const jwtFields = ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules'];
const issuerFields = [
  'url',
  'discoveryURL',
  'certificateAuthority',
  'audiences',
  'audienceMatchPolicy',
  'egressSelectorType',
];

function readJwt(fields: Fields): JwtAuthenticator {
  const issuer = readIssuer(fields.child('issuer', issuerFields));
  const required = readRules(fields);
  const mappings = fields.child('claimMappings', ['username', 'groups', 'uid', 'extra']);
  const username = readPrefixed(mappings.child('username', prefixedFields), true);
  const groups = readPrefixed(mappings.child('groups', prefixedFields), false);
  const uid = readUid(mappings.child('uid', ['claim', 'expression']));
  refuseExtra(mappings);
  for (const rule of fields.children('userValidationRules', ['expression', 'message'])) refuseExpression(rule);
  return { issuer, username: username ?? { claim: '', prefix: '' }, ...(groups ? { groups } : {}), ...uid, required };
}

function readIssuer(fields: Fields): JwtAuthenticator['issuer'] {
  const url = fields.text('url');
  if (url === '') fields.problem(required(fields.path('url')));
  else requireUrl(fields, 'url', url);
  const discoveryURL = fields.text('discoveryURL');
  const trimmed = (text: string) => text.replace(/\/+$/, '');
  if (discoveryURL !== '') {
    if (url !== '' && trimmed(url) === trimmed(discoveryURL))
      fields.problem(invalid(fields.path('discoveryURL'), discoveryURL, 'discoveryURL must be different from URL'));
    requireUrl(fields, 'discoveryURL', discoveryURL);
  }
  const audiences = readAudiences(fields);
  const certificateAuthority = readAuthority(fields);
  if (fields.text('egressSelectorType') !== '')
    fields.problem(forbidden(fields.path('egressSelectorType'), 'there is only one way out of the API server'));
  return {
    url,
    ...(discoveryURL ? { discoveryURL } : {}),
    ...(certificateAuthority ? { certificateAuthority } : {}),
    audiences,
  };
}

function readAudiences(fields: Fields): string[] {
  const audiences = fields.texts('audiences');
  const at = fields.path('audiences');
  if (audiences.length === 0) {
    fields.problem(required(at, `at least one ${at} is required`));
    return audiences;
  }
  audiences.forEach((audience, i) => {
    if (audience === '') fields.problem(required(`${at}[${i}]`));
    if (audiences.indexOf(audience) < i) fields.problem(duplicate(`${at}[${i}]`, audience));
  });
  const policy = fields.text('audienceMatchPolicy');
  const policyProblem = (detail: string) =>
    fields.problem(invalid(fields.path('audienceMatchPolicy'), policy, `audienceMatchPolicy must be ${detail}`));
  if (audiences.length > 1 && policy !== 'MatchAny') policyProblem('MatchAny for multiple audiences');
  if (audiences.length === 1 && policy !== '' && policy !== 'MatchAny')
    policyProblem('empty or MatchAny for single audience');
  return audiences;
}

function readRules(fields: Fields): Map<string, string> {
  const rules = new Map<string, string>();
  for (const rule of fields.children('claimValidationRules', ['claim', 'requiredValue', 'expression', 'message'])) {
    const claim = rule.text('claim');
    const hasExpression = rule.text('expression') !== '';
    if (claim !== '' && hasExpression) rule.problem(invalid(rule.at, claim, "claim and expression can't both be set"));
    else if (hasExpression) refuseExpression(rule);
    else if (claim === '') rule.problem(required(rule.at, 'claim or expression is required'));
    else {
      if (rule.text('message') !== '')
        rule.problem(invalid(rule.path('message'), rule.text('message'), 'may not be specified when claim is set'));
      if (rules.has(claim)) rule.problem(duplicate(rule.path('claim'), claim));
      rules.set(claim, rule.text('requiredValue'));
    }
  }
  return rules;
}

const prefixedFields = ['claim', 'prefix', 'expression'];

function readPrefixed(fields: Fields, needed: boolean): PrefixedClaim | undefined {
  const claim = fields.text('claim');
  const expression = fields.text('expression');
  if (claim !== '' && expression !== '')
    fields.problem(invalid(fields.at, '', "claim and expression can't both be set"));
  else if (expression !== '') {
    if (fields.has('prefix'))
      fields.problem(
        invalid(fields.path('prefix'), fields.text('prefix'), 'may not be specified when expression is set'),
      );
    refuseExpression(fields);
  } else if (claim === '') {
    if (needed) fields.problem(required(fields.at, 'claim or expression is required'));
  } else {
    if (!fields.has('prefix'))
      fields.problem(
        required(
          fields.path('prefix'),
          'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
        ),
      );
    return { claim, prefix: fields.text('prefix') };
  }
  return undefined;
}

function readUid(fields: Fields): { uid?: string } {
  const claim = fields.text('claim');
  const expression = fields.text('expression');
  if (claim !== '' && expression !== '')
    fields.problem(invalid(fields.at, '', "claim and expression can't both be set"));
  else if (expression !== '') refuseExpression(fields);
  return claim === '' ? {} : { uid: claim };
}

/** Their values are expressions, all of them. */
function refuseExtra(mappings: Fields): void {
  for (const extra of mappings.children('extra', ['key', 'valueExpression'])) {
    if (extra.text('key') === '') extra.problem(required(extra.path('key')));
    refuseExpression(extra, 'valueExpression');
  }
}

export function refuseExpression(fields: Fields, field = 'expression'): void {
  const path = fields.path(field);
  fields.problem(fields.text(field).trim() === '' ? required(path) : forbidden(path, noExpressions));
}

function readAnonymous(parent: Fields): Anonymous {
  const fields = parent.child('anonymous', ['enabled', 'conditions']);
  const enabled = fields.flag('enabled', false);
  const paths = fields.children('conditions', ['path']).map((condition) => condition.text('path'));
  if (!enabled && paths.length > 0)
    fields.problem(
      invalid(
        fields.path('conditions'),
        paths.map((path) => ({ path })),
        'enabled should be set to true when conditions are defined',
      ),
    );
  return { enabled, paths };
}

/** As upstream: nobody else issues in the name of the cluster's own issuer. */
export function overlappingIssuers({ authentication, serviceAccountTokens }: Configuration): FieldError[] {
  const own = serviceAccountTokens?.issuers ?? [defaultClusterConfig.issuer];
  const listed = own.toSorted().join(' ');
  return (authentication?.jwt ?? []).flatMap(({ issuer: { url } }, i) =>
    own.includes(url)
      ? [invalid(`jwt[${i}].issuer.url`, url, `URL must not overlap with disallowed issuers: [${listed}]`)]
      : [],
  );
}

function refuseRepeated(jwt: readonly JwtAuthenticator[], field: 'url' | 'discoveryURL', problems: FieldError[]): void {
  const seen = new Set<string>();
  jwt.forEach(({ issuer }, i) => {
    const value = issuer[field];
    if (value && seen.has(value)) problems.push(duplicate(`jwt[${i}].issuer.${field}`, value));
    if (value) seen.add(value);
  });
}

/** As upstream, of values that are one of a few. */
export function requireOneOf(fields: Fields, field: string, values: readonly string[]): string {
  const text = fields.text(field);
  if (text === '') fields.problem(required(fields.path(field)));
  else if (!values.includes(text)) fields.problem(notSupported(fields.path(field), text, values));
  return text;
}
