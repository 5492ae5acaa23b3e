// The reviews of authentication.k8s.io and authorization.k8s.io: whose token this is, who I am, who may do what.

import type { TokenReview } from '../../generated/schemas/authentication-v1.ts';
import type {
  LocalSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
  SubjectRulesReviewStatus,
} from '../../generated/schemas/authorization-v1.ts';
import { ApiError, errors, type FieldError } from '../../machinery/errors.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta.ts';
import type { Clock } from '../../ports/index.ts';
import { type Authenticator, review } from '../authn/authenticator.ts';
import { type Attributes, type Authorizer, type Decision, decided, type UserRules } from '../authz/authorizer.ts';
import { aggregated, fieldsOf, labelsOf } from '../authz/selection.ts';
import { timestamp, type User } from '../core.ts';
import { type AccessReview, reviewProblems } from './review-validation.ts';
import type { VirtualResource } from './virtual.ts';

const groupVersion = {
  authentication: { group: 'authentication.k8s.io', version: 'v1' },
  authorization: { group: 'authorization.k8s.io', version: 'v1' },
} as const;

/** A kind of review by its names alone. */
function named(kind: string, of: keyof typeof groupVersion, namespaced = false): Omit<VirtualResource, 'create'> {
  const singular = kind.toLowerCase();
  return {
    ...groupVersion[of],
    kind,
    plural: `${singular}s`,
    singular,
    schema: `io.k8s.api.${of}.v1.${kind}`,
    namespaced,
  };
}

export function reviews(options: {
  authenticator: Authenticator;
  authorizer: Authorizer;
  /** The API server's. */
  audiences: readonly string[];
  clock: Clock;
}): VirtualResource[] {
  const { authenticator, authorizer, audiences, clock } = options;
  const decide = async (body: KubeObject, kind: 'self' | 'subject' | 'local', user: User) => {
    const review = body as AccessReview;
    clearSystemFields(review.metadata, kind === 'local');
    const problems = reviewProblems(review, kind);
    if (problems.length > 0) throw unnamed(problems);
    const attributes = attributesOf(user, review);
    return { ...review, status: statusOf(await decided(authorizer.authorize(attributes)), attributes) };
  };
  return [
    {
      ...named('TokenReview', 'authentication'),
      create: (body) => reviewToken(body as TokenReview, authenticator, audiences),
    },
    {
      ...named('SelfSubjectReview', 'authentication'),
      // Upstream answers what it has made anew: nothing of the body stays.
      create: ({ kind, apiVersion }, user) =>
        ({
          kind,
          apiVersion,
          metadata: { creationTimestamp: timestamp(clock.now()) },
          status: { userInfo: userInfo(user) },
        }) as unknown as KubeObject,
    },
    {
      ...named('SelfSubjectAccessReview', 'authorization'),
      create: (body, user) => decide(body, 'self', user),
    },
    {
      ...named('SubjectAccessReview', 'authorization'),
      create: (body) => decide(body, 'subject', subjectOf(body as SubjectAccessReview)),
    },
    {
      ...named('LocalSubjectAccessReview', 'authorization', true),
      create(body, _user, namespace) {
        const review = body as LocalSubjectAccessReview;
        review.metadata.namespace ??= namespace;
        if (review.metadata.namespace !== namespace)
          throw errors.badRequest(
            'the namespace of the provided object does not match the namespace sent on the request',
          );
        return decide(review, 'local', subjectOf(review));
      },
    },
    {
      ...named('SelfSubjectRulesReview', 'authorization'),
      create(body, user) {
        const { namespace } = (body as SelfSubjectRulesReview).spec ?? {};
        if (!namespace) throw errors.badRequest('no namespace on request');
        const { kind, apiVersion } = body;
        const status = rulesStatus(authorizer.rulesFor?.(user, namespace));
        return { kind, apiVersion, metadata: {}, spec: {}, status } as unknown as KubeObject;
      },
    },
  ];
}

async function reviewToken(
  body: TokenReview,
  authenticator: Authenticator,
  ownAudiences: readonly string[],
): Promise<KubeObject> {
  const { token, audiences } = body.spec ?? {};
  if (!token) throw errors.badRequest('token is required for TokenReview in authentication');
  const reviewed = await review(authenticator, token, audiences?.length ? audiences : ownAudiences, ownAudiences);
  const refused = (error: string) => ({ ...body, status: { error, user: {} } }) as KubeObject;
  if (!reviewed) return refused('invalid bearer token');
  if ('refusal' in reviewed) return refused(`[invalid bearer token, ${reviewed.refusal}]`);
  const { user, audiences: own } = reviewed;
  return { ...body, status: { audiences: own, authenticated: true, user: userInfo(user) } } as KubeObject;
}

function statusOf(decision: Decision | undefined, attributes: Attributes): SubjectAccessReviewStatus {
  const problems = (['fieldSelector', 'labelSelector'] as const).flatMap((field) => {
    const selection = attributes[field];
    if (selection?.error === undefined) return [];
    const extent = selection.requirements.length > 0 ? 'partially ignored' : 'ignored';
    return [`spec.resourceAttributes.${field} ${extent} due to parse error`];
  });
  return {
    allowed: decision?.allowed === true,
    ...(decision?.allowed === false ? { denied: true } : {}),
    ...(decision?.reason ? { reason: decision.reason } : {}),
    ...(problems.length > 0 ? { evaluationError: problems.join('; ') } : {}),
  };
}

function rulesStatus({ rules, incomplete, errors }: UserRules = noRules): SubjectRulesReviewStatus {
  const resourceRules: SubjectRulesReviewStatus['resourceRules'] = [];
  const nonResourceRules: SubjectRulesReviewStatus['nonResourceRules'] = [];
  for (const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } of rules) {
    if (resources.length > 0)
      resourceRules.push({
        verbs: [...verbs],
        ...(apiGroups.length > 0 ? { apiGroups: [...apiGroups] } : {}),
        resources: [...resources],
        ...(resourceNames.length > 0 ? { resourceNames: [...resourceNames] } : {}),
      });
    if (nonResourceURLs.length > 0) nonResourceRules.push({ verbs: [...verbs], nonResourceURLs: [...nonResourceURLs] });
  }
  const problems = [...new Set(errors)];
  return {
    resourceRules,
    nonResourceRules,
    incomplete,
    ...(problems.length > 0 ? { evaluationError: aggregated(problems) } : {}),
  };
}

const noRules: UserRules = { rules: [], incomplete: false, errors: [] };

/** What a server sets, and a namespace where there is none, does not count as said. */
function clearSystemFields(metadata: Partial<ObjectMeta>, namespaced: boolean): void {
  for (const field of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
  ] as const)
    delete metadata[field];
  if (!namespaced) delete metadata.namespace;
}

/** Upstream has lost the kind by then. */
function unnamed(problems: readonly FieldError[]): ApiError {
  const { reason, message, details } = errors.invalid(groupVersion.authorization.group, '', '', problems);
  const { kind: _kind, name: _name, ...rest } = details ?? {};
  return new ApiError(reason, message, rest);
}

const subjectOf = ({ spec }: SubjectAccessReview | LocalSubjectAccessReview): User => ({
  name: spec?.user ?? '',
  groups: spec?.groups ?? [],
  ...(spec?.uid ? { uid: spec.uid } : {}),
  ...(spec?.extra ? { extra: spec.extra } : {}),
});

function userInfo(user: User) {
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: user.groups,
    ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
  };
}

function attributesOf(user: User, { spec }: AccessReview): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  return {
    user,
    verb: resource?.verb ?? path?.verb ?? '',
    isResource: resource !== undefined,
    path: path?.path ?? '',
    group: resource?.group ?? '',
    version: resource ? resource.version || '*' : '',
    namespace: resource?.namespace ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    name: resource?.name ?? '',
    ...(resource?.fieldSelector ? { fieldSelector: fieldsOf(resource.fieldSelector) } : {}),
    ...(resource?.labelSelector ? { labelSelector: labelsOf(resource.labelSelector) } : {}),
  };
}
