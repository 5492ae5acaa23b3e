// Whether a user may do a thing. Authorizers answer from the ledger as it is now, so a revocation is effective at once.
import { ApiError, errors } from '../../machinery/errors.ts';
import type { Rule } from '../../machinery/policy-rules.ts';
import type { FieldRequirement, LabelRequirement } from '../../machinery/selectors.ts';
import type { User } from '../core.ts';

export interface Attributes {
  readonly user: User;
  readonly verb: string;
  readonly isResource: boolean;
  /** Of a non-resource request. */
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** What the selectors of a list, watch or deletecollection demand; absent: nothing. */
  readonly fieldSelector?: Selection<FieldRequirement>;
  readonly labelSelector?: Selection<LabelRequirement>;
}

/** A selector as authorizers see it. What of it could not be understood is left out, which asks for more. */
export interface Selection<Requirement> {
  /** All of them hold of whatever is asked for. */
  readonly requirements: readonly Requirement[];
  readonly error?: string;
}

/** `allowed: undefined`: no opinion, with something to say should nobody allow it. */
export interface Decision {
  readonly allowed: boolean | undefined;
  readonly reason: string;
}

/** What a user may do in a namespace and at the cluster scope, as far as it can be listed. */
export interface UserRules {
  readonly rules: readonly Rule[];
  /** Whether there may be more. */
  readonly incomplete: boolean;
  readonly errors: readonly string[];
}

export interface Authorizer {
  /** Undefined: no opinion, and nothing to say. */
  authorize(attributes: Attributes): Decision | undefined;
  /** Absent: it has no rules to list. */
  rulesFor?(user: User, namespace: string): UserRules;
}

/** The first authorizer with an opinion decides; without any, the reasons of all are told. */
export function authorizeBy(authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes) {
      let reasons = '';
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(attributes);
        if (decision?.allowed !== undefined) return decision;
        if (decision?.reason) reasons += `${reasons === '' ? '' : '\n'}${decision.reason}`;
      }
      return reasons === '' ? undefined : { allowed: undefined, reason: reasons };
    },
    rulesFor(user, namespace) {
      const listed = authorizers.flatMap((authorizer) => authorizer.rulesFor?.(user, namespace) ?? []);
      return {
        rules: listed.flatMap(({ rules }) => rules),
        incomplete: listed.some(({ incomplete }) => incomplete),
        errors: listed.flatMap(({ errors }) => errors),
      };
    },
  };
}

/** system:masters may do everything; as upstream, no reason is given. */
export const masters: Authorizer = {
  authorize({ user }) {
    return user.groups.includes('system:masters') ? { allowed: true, reason: '' } : undefined;
  },
};

/** The 403 of a request that nobody allows, in upstream's words. */
export function forbidden(attributes: Attributes, reason = ''): ApiError {
  const { user, verb, isResource, path, group, namespace, resource, subresource, name } = attributes;
  const tail = reason === '' ? '' : `: ${reason}`;
  if (!isResource) {
    return new ApiError(
      'Forbidden',
      `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}${tail}`,
      {},
    );
  }
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? ' at the cluster scope' : ` in the namespace ${JSON.stringify(namespace)}`;
  return errors.forbidden(
    { group, plural: resource },
    name,
    `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)}${where}${tail}`,
  );
}
