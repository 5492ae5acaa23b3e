// Upstream's RBAC authorizer. It allows, or has no opinion: roles that are not there are told of beside the no, and never
// keep another role from allowing. What a review of somebody's rules lists is the same rules.
import { goQuoted } from '../../../machinery/errors.ts';
import { allows } from '../../../machinery/policy-rules.ts';
import type { User } from '../../core.ts';
import type { Attributes, Authorizer, Decision, UserRules } from '../authorizer.ts';
import { aggregated } from '../selection.ts';
import { type Binding, holdersOf, type Policy } from './policy.ts';

export function rbacAuthorizer(policy: Policy): Authorizer {
  return {
    authorize: (attributes) => authorize(policy, attributes),
    rulesFor: (user, namespace) => rulesFor(policy, user, namespace),
  };
}

function authorize(policy: Policy, attributes: Attributes): Decision | undefined {
  const { user, namespace } = attributes;
  let by: Binding | undefined;
  // Many bindings may be of one role, which is to be looked at once.
  const refused = new Set<object>();
  const errors = new Set<string>();
  policy.visit(user, namespace, (binding, given) => {
    if ('error' in given) {
      errors.add(given.error);
      return false;
    }
    const { rules } = given;
    if (refused.has(rules)) return false;
    for (const rule of rules)
      if (allows(rule, attributes)) {
        by = binding;
        return true;
      }
    refused.add(rules);
    return false;
  });
  if (by) return { allowed: true, reason: `RBAC: allowed by ${told(by, user)}` };
  return errors.size === 0 ? undefined : { allowed: undefined, reason: `RBAC: ${aggregated([...errors])}` };
}

/** The binding, with the first of its subjects that the user is. */
function told({ title, role, subjects }: Binding, user: User): string {
  const named = holdersOf(user).flatMap((holder) => subjects.get(holder) ?? []);
  const subject = named.reduce((first, one) => (one.index < first.index ? one : first));
  return `${title} of ${role.kind} ${goQuoted(role.name)} to ${subject.text}`;
}

function rulesFor(policy: Policy, user: User, namespace: string): UserRules {
  const rules: UserRules['rules'][number][] = [];
  const errors = new Set<string>();
  policy.visit(user, namespace, (_binding, given) => {
    if ('error' in given) errors.add(given.error);
    else rules.push(...given.rules);
    return false;
  });
  return { rules, incomplete: false, errors: [...errors] };
}
