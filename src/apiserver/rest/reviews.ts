// The reviews of authentication.k8s.io and authorization.k8s.io: whose token this is, who I am, who may do what.

import type { TokenReview } from '../../generated/schemas/authentication-v1.ts';
import type {
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from '../../generated/schemas/authorization-v1.ts';
import { errors, type FieldError } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Authenticator } from '../authn/authenticator.ts';
import type { Attributes, Authorizer } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import type { Registry } from '../registry.ts';
import { rulesOf } from './rules.ts';
import type { VirtualResource } from './virtual.ts';

const authentication = { group: 'authentication.k8s.io', version: 'v1', namespaced: false };
const authorization = { group: 'authorization.k8s.io', version: 'v1', namespaced: false };

export function reviews(options: {
  authenticator: Authenticator;
  authorizer: Authorizer;
  registry: Registry;
  audience: string;
}): VirtualResource[] {
  const { authenticator, authorizer, registry, audience } = options;
  const decide = (body: SelfSubjectAccessReview | SubjectAccessReview, user: User, kind: string) => {
    const { resourceAttributes: resource, nonResourceAttributes: path } = body.spec;
    if ((resource === undefined) === (path === undefined)) {
      const problem: FieldError = {
        type: 'Invalid',
        field: 'spec.resourceAttributes',
        badValue: null,
        detail: 'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      };
      throw errors.invalid(authorization.group, kind, '', [problem]);
    }
    const decision = authorizer.authorize(attributesOf(user, resource, path));
    return {
      ...body,
      status: { allowed: decision?.allowed ?? false, ...(decision?.reason ? { reason: decision.reason } : {}) },
    };
  };
  const resources: VirtualResource[] = [
    {
      ...authentication,
      plural: 'tokenreviews',
      singular: 'tokenreview',
      kind: 'TokenReview',
      schema: 'io.k8s.api.authentication.v1.TokenReview',
      async create(body) {
        const review = body as TokenReview;
        const { token, audiences = [] } = review.spec;
        if (!token) throw errors.badRequest('token is required for TokenReview in authentication');
        const user = await authenticator.authenticate(token);
        const meant = audiences.length === 0 || audiences.includes(audience);
        if (!user || !meant)
          return { ...review, status: { user: {}, ...(user ? { error: 'token audiences do not match' } : {}) } };
        return {
          ...review,
          status: { authenticated: true, user: userInfo(user), audiences: [audience] },
        } as KubeObject;
      },
    },
    {
      ...authentication,
      plural: 'selfsubjectreviews',
      singular: 'selfsubjectreview',
      kind: 'SelfSubjectReview',
      schema: 'io.k8s.api.authentication.v1.SelfSubjectReview',
      create: (body, user) => ({ ...body, status: { userInfo: userInfo(user) } }) as KubeObject,
    },
    {
      ...authorization,
      plural: 'selfsubjectaccessreviews',
      singular: 'selfsubjectaccessreview',
      kind: 'SelfSubjectAccessReview',
      schema: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
      create: (body, user) => decide(body as SelfSubjectAccessReview, user, 'SelfSubjectAccessReview'),
    },
    {
      ...authorization,
      plural: 'subjectaccessreviews',
      singular: 'subjectaccessreview',
      kind: 'SubjectAccessReview',
      schema: 'io.k8s.api.authorization.v1.SubjectAccessReview',
      create(body) {
        const review = body as SubjectAccessReview;
        const { user: name = '', groups = [], uid } = review.spec;
        if (name === '' && groups.length === 0)
          throw errors.invalid(authorization.group, 'SubjectAccessReview', '', [
            {
              type: 'Invalid',
              field: 'spec.user',
              badValue: '',
              detail: 'at least one of user or group must be specified',
            },
          ]);
        return decide(review, { name, groups, ...(uid ? { uid } : {}) }, 'SubjectAccessReview');
      },
    },
    {
      ...authorization,
      plural: 'selfsubjectrulesreviews',
      singular: 'selfsubjectrulesreview',
      kind: 'SelfSubjectRulesReview',
      schema: 'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
      create(body, user) {
        const { namespace } = (body as SelfSubjectRulesReview).spec;
        if (!namespace) throw errors.badRequest('no namespace on request');
        return { ...body, status: rulesOf(authorizer, registry, resources, user, namespace) } as KubeObject;
      },
    },
  ];
  return resources;
}

function userInfo(user: User) {
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: user.groups,
    ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
  };
}

function attributesOf(
  user: User,
  resource: ResourceAttributes | undefined,
  path: { path?: string; verb?: string } | undefined,
): Attributes {
  return {
    user,
    verb: resource?.verb ?? path?.verb ?? '',
    isResource: resource !== undefined,
    path: path?.path ?? '',
    group: resource?.group ?? '',
    version: resource?.version ?? '',
    namespace: resource?.namespace ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    name: resource?.name ?? '',
    fieldSelector: resource?.fieldSelector?.rawSelector ?? '',
  };
}
