// Whether a user may do a thing. Authorizers answer from the ledger as it is now, so a revocation is effective at once.
import { allowingLine } from '../../machinery/access-line.ts';
import { ApiError, errors, goQuoted } from '../../machinery/errors.ts';
import type { Rule } from '../../machinery/policy-rules.ts';
import type { FieldRequirement, LabelRequirement } from '../../machinery/selectors.ts';
import { allAuthenticated } from '../authn/authenticator.ts';
import type { User } from '../core.ts';
import { nodesGroup } from './node-identity.ts';

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
  /** There is more to ask, elsewhere. Whoever cannot wait for it has no opinion, which allows nothing. Never rejects. */
  readonly later?: () => Promise<Decision | undefined>;
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
    authorize: (attributes) => decideFrom(authorizers, 0, attributes, ''),
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

function decideFrom(
  authorizers: readonly Authorizer[],
  start: number,
  attributes: Attributes,
  before: string,
): Decision | undefined {
  let reasons = before;
  for (let i = start; i < authorizers.length; i++) {
    const decision = (authorizers[i] as Authorizer).authorize(attributes);
    if (decision?.later) return { allowed: undefined, reason: '', later: () => goOn(decision, i + 1, reasons) };
    if (decision?.allowed !== undefined) return decision;
    if (decision?.reason) reasons = joined(reasons, decision.reason);
  }
  return reasons === '' ? undefined : { allowed: undefined, reason: reasons };

  async function goOn(asked: Decision, next: number, soFar: string): Promise<Decision | undefined> {
    const decision = await asked.later?.();
    if (decision?.allowed !== undefined) return decision;
    // Those behind answer from the ledger as it is by now.
    return await decided(decideFrom(authorizers, next, attributes, joined(soFar, decision?.reason)));
  }
}

const joined = (reasons: string, reason = ''): string =>
  reasons === '' || reason === '' ? reasons + reason : `${reasons}\n${reason}`;

/** The decision once everybody has been asked: at once, unless somebody is elsewhere. */
export function decided(decision: Decision | undefined): Decision | undefined | Promise<Decision | undefined> {
  return decision?.later ? decision.later() : decision;
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
  const who = `User ${goQuoted(user.name)}`;
  if (!isResource)
    return new ApiError(
      'Forbidden',
      `forbidden: ${escaped(`${who} cannot ${verb} path ${goQuoted(path)}`)}${tail}`,
      {},
    );
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? ' at the cluster scope' : ` in the namespace ${goQuoted(namespace)}`;
  const text = `${who} cannot ${verb} resource ${goQuoted(what)} in API group ${goQuoted(group)}${where}`;
  return errors.forbidden({ group, plural: resource }, name, `${escaped(text)}${tail}`);
}

/**
 * The same with the line that would allow it, for those who are known, where a rule would. `served`: whether there is such a
 * resource.
 */
export function refused(attributes: Attributes, decision: Decision | undefined, served: boolean): ApiError {
  const reasons = decision?.reason ? [decision.reason] : [];
  return forbidden(attributes, [...reasons, ...hint(attributes, decision, served)].join(': '));
}

/** As upstream keeps names from being markup. */
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** Nodes are given what their pods need, and no roles. Longer lines than this nobody pastes. */
const hintUnitsMax = 4000;

function hint(attributes: Attributes, decision: Decision | undefined, served: boolean): string[] {
  const { user, isResource, group, resource, subresource } = attributes;
  if (decision?.allowed === false || (isResource && !served)) return [];
  // Such a rule would be about everything.
  if (group === '*' || resource === '*' || subresource === '*') return [];
  if (!user.groups.includes(allAuthenticated) || user.groups.includes(nodesGroup)) return [];
  const line = allowingLine(attributes);
  return line === undefined || line.length > hintUnitsMax ? [] : [`to allow it: ${line}`];
}
