// AuthorizationConfiguration: who decides what a user may do, in order. The cluster's own deciders, and webhooks. A webhook's
// kubeconfig file has no place in a Worker: `connectionInfo` says itself where it is, under the type `Server`.
import type { FieldError } from '../machinery/errors.ts';
import { formatDuration } from '../machinery/time.ts';
import {
  duplicate,
  forbidden,
  invalid,
  isDns1123Subdomain,
  notSupported,
  required,
  tooMany,
} from '../machinery/validation.ts';
import { refuseExpression, requireOneOf } from './authentication.ts';
import { Fields } from './fields.ts';
import { readServer, type Server, serverFields } from './outgoing.ts';

export interface Authorization {
  readonly authorizers: readonly AuthorizerChoice[];
}

export type AuthorizerChoice =
  | { readonly type: 'Node' | 'RBAC'; readonly name: string }
  | { readonly type: 'Webhook'; readonly name: string; readonly webhook: AuthorizationWebhook };

export interface AuthorizationWebhook {
  /** How long its answers hold; 0: each question is asked. */
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly timeoutMs: number;
  readonly version: 'v1' | 'v1beta1';
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  readonly server: Server;
}

const types = ['Node', 'RBAC', 'Webhook'];
const matchConditionsMax = 64;
const timeoutMaxMs = 30_000;

export const authorizationConfiguration = {
  key: 'authorization',
  group: 'apiserver.config.k8s.io',
  versions: ['v1', 'v1beta1'],
  kind: 'AuthorizationConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): Authorization {
    const fields = new Fields(document, '', ['apiVersion', 'kind', 'authorizers'], problems);
    const all = fields.children('authorizers', ['type', 'name', 'webhook']);
    if (all.length === 0) problems.push(required('authorizers', 'at least one authorization mode must be defined'));
    const seen = { types: new Set<string>(), names: new Set<string>() };
    return { authorizers: all.flatMap((one) => readAuthorizer(one, seen)) };
  },
} as const;

function readAuthorizer(fields: Fields, seen: { types: Set<string>; names: Set<string> }): AuthorizerChoice[] {
  const type = requireOneOf(fields, 'type', types);
  if (!types.includes(type)) return [];
  if (seen.types.has(type) && type !== 'Webhook') {
    fields.problem(duplicate(fields.path('type'), type));
    return [];
  }
  seen.types.add(type);
  const name = readName(fields, seen.names);
  if (type !== 'Webhook') {
    if (fields.has('webhook'))
      fields.problem(invalid(fields.path('webhook'), 'non-null', 'may only be specified when type=Webhook'));
    return [{ type: type as 'Node' | 'RBAC', name }];
  }
  if (!fields.has('webhook')) {
    fields.problem(required(fields.path('webhook'), 'required when type=Webhook'));
    return [];
  }
  // Upstream leaves `webhook` out of these paths.
  return [{ type: 'Webhook', name, webhook: readWebhook(fields.child('webhook', webhookFields).named(fields.at)) }];
}

function readName(fields: Fields, seen: Set<string>): string {
  const name = fields.text('name');
  const path = fields.path('name');
  const wrong = isDns1123Subdomain(name);
  if (name === '') fields.problem(required(path));
  else if (seen.has(name)) fields.problem(duplicate(path, name));
  else if (wrong.length > 0) fields.problem(invalid(path, name, `authorizer name is invalid: ${wrong.join(', ')}`));
  seen.add(name);
  return name;
}

const webhookFields = [
  'authorizedTTL',
  'cacheAuthorizedRequests',
  'unauthorizedTTL',
  'cacheUnauthorizedRequests',
  'timeout',
  'subjectAccessReviewVersion',
  'matchConditionSubjectAccessReviewVersion',
  'failurePolicy',
  'connectionInfo',
  'matchConditions',
];

function readWebhook(fields: Fields): AuthorizationWebhook {
  const timeoutMs = fields.durationMs('timeout');
  if (!fields.has('timeout') || timeoutMs === 0) fields.problem(required(fields.path('timeout')));
  else if (timeoutMs < 0 || timeoutMs > timeoutMaxMs)
    fields.problem(invalid(fields.path('timeout'), formatDuration(timeoutMs), 'must be > 0s and <= 30s'));
  const authorizedTtlMs = readTtl(fields, 'authorizedTTL', 5 * 60_000);
  const unauthorizedTtlMs = readTtl(fields, 'unauthorizedTTL', 30_000);
  const version = requireOneOf(fields, 'subjectAccessReviewVersion', ['v1', 'v1beta1']);
  refuseMatchConditions(fields);
  const failurePolicy = requireOneOf(fields, 'failurePolicy', ['NoOpinion', 'Deny']);
  return {
    authorizedTtlMs: fields.flag('cacheAuthorizedRequests', true) ? authorizedTtlMs : 0,
    unauthorizedTtlMs: fields.flag('cacheUnauthorizedRequests', true) ? unauthorizedTtlMs : 0,
    timeoutMs,
    version: version as 'v1' | 'v1beta1',
    failurePolicy: failurePolicy as 'NoOpinion' | 'Deny',
    server: readConnection(fields.child('connectionInfo', ['type', 'kubeConfigFile', ...serverFields])),
  };
}

function readTtl(fields: Fields, field: string, absentMs: number): number {
  const ms = fields.durationMs(field) || absentMs;
  if (ms < 0) fields.problem(invalid(fields.path(field), formatDuration(ms), 'must be > 0s'));
  return ms;
}

function refuseMatchConditions(fields: Fields): void {
  const version = fields.text('matchConditionSubjectAccessReviewVersion');
  const count = fields.list('matchConditions').length;
  const path = fields.path('matchConditionSubjectAccessReviewVersion');
  if (version === '' && count > 0) fields.problem(required(path, 'required if match conditions are specified'));
  if (version !== '' && version !== 'v1') fields.problem(notSupported(path, version, ['v1']));
  if (count > matchConditionsMax) fields.problem(tooMany(fields.path('matchConditions'), count, matchConditionsMax));
  else for (const condition of fields.children('matchConditions', ['expression'])) refuseExpression(condition);
}

function readConnection(fields: Fields): Server {
  const type = requireOneOf(fields, 'type', ['Server', 'KubeConfigFile', 'InClusterConfig']);
  if (type === 'Server') {
    if (fields.has('kubeConfigFile'))
      fields.problem(
        invalid(
          fields.path('kubeConfigFile'),
          fields.text('kubeConfigFile'),
          'can only be set when type=KubeConfigFile',
        ),
      );
    return readServer(fields);
  }
  if (type === 'KubeConfigFile' || type === 'InClusterConfig')
    fields.problem(
      forbidden(
        fields.path('type'),
        'there are no files beside a Worker: use type Server, with server, certificateAuthority and token',
      ),
    );
  return { url: '' };
}
