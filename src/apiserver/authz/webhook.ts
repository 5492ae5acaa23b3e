// An authorizer that asks a webhook, by a SubjectAccessReview. It answers at once from what it was told before and still holds;
// otherwise it says that its decision comes later. What fails is decided by the failure policy, and not remembered.
import type { Authorization } from '../../configuration/authorization.ts';
import type { FieldRequirement, LabelRequirement } from '../../machinery/selectors.ts';
import { Answers } from '../outgoing/answers.ts';
import type { Outside } from '../outgoing/call.ts';
import { type Review, ReviewClient } from '../outgoing/review-client.ts';
import type { Attributes, Authorizer, Decision } from './authorizer.ts';

type WebhookChoice = Extract<Authorization['authorizers'][number], { type: 'Webhook' }>;

/** As upstream: whatever asks with more than this may mean to fill the memory. */
const heldCharsMax = 10_000;

export function webhookAuthorizer({ webhook }: WebhookChoice, dependencies: Outside): Authorizer {
  const { version, failurePolicy, authorizedTtlMs, unauthorizedTtlMs, server, timeoutMs } = webhook;
  const client = new ReviewClient({
    ...dependencies,
    server,
    timeoutMs,
    apiVersion: `authorization.k8s.io/${version}`,
    kind: 'SubjectAccessReview',
  });
  const answers = new Answers<Decision>(dependencies.timers);
  const onFailure: Decision = { allowed: failurePolicy === 'Deny' ? false : undefined, reason: '' };
  return {
    authorize(attributes) {
      const spec = specOf(attributes, version);
      const question = JSON.stringify(spec);
      const held = answers.get(question);
      if (held) return held;
      const holds = controlledChars(attributes) < heldCharsMax;
      const ttlMs = ({ allowed }: Decision) => (holds ? (allowed ? authorizedTtlMs : unauthorizedTtlMs) : 0);
      const ask = async () => decisionOf(await client.review(spec));
      const later = () => answers.ask(question, ask, ttlMs).catch(() => onFailure);
      return { allowed: undefined, reason: '', later };
    },
    rulesFor: () => ({
      rules: [],
      incomplete: true,
      errors: ['webhook authorizer does not support user rule resolution'],
    }),
  };
}

function decisionOf({ allowed, denied, reason }: Review): Decision {
  return {
    // Both are a mistake, which allows nothing.
    allowed: denied === true ? false : allowed === true ? true : undefined,
    reason: typeof reason === 'string' ? reason : '',
  };
}

const controlledChars = ({ namespace, verb, group, version, resource, subresource, name, path }: Attributes): number =>
  [namespace, verb, group, version, resource, subresource, name, path].reduce((sum, text) => sum + text.length, 0);

/** The members that say something, as Go leaves out the others. */
const said = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== '' && value !== undefined));

function specOf(attributes: Attributes, version: 'v1' | 'v1beta1'): Record<string, unknown> {
  const { user, isResource, path, verb } = attributes;
  const groups = user.groups.length === 0 ? undefined : user.groups;
  return said({
    resourceAttributes: isResource ? resourceOf(attributes) : undefined,
    nonResourceAttributes: isResource ? undefined : said({ path, verb }),
    user: user.name,
    [version === 'v1' ? 'groups' : 'group']: groups,
    extra: user.extra && Object.keys(user.extra).length > 0 ? user.extra : undefined,
    uid: user.uid,
  });
}

function resourceOf(attributes: Attributes): Record<string, unknown> {
  const { namespace, verb, group, version, resource, subresource, name, fieldSelector, labelSelector } = attributes;
  return said({
    namespace,
    verb,
    group,
    version,
    resource,
    subresource,
    name,
    fieldSelector: requirements(fieldSelector?.requirements.map(fieldRequirement)),
    labelSelector: requirements(labelSelector?.requirements.map(labelRequirement)),
  });
}

/** Those that are not understood leave the question as broad as it would be without them. */
function requirements(all: readonly (object | undefined)[] | undefined): object | undefined {
  const known = all?.filter((one) => one !== undefined) ?? [];
  return known.length === 0 ? undefined : { requirements: known };
}

const fieldRequirement = ({ field, operator, value }: FieldRequirement) => ({
  key: field,
  operator: operator === '!=' ? 'NotIn' : 'In',
  values: [value],
});

const labelOperators: Readonly<Partial<Record<LabelRequirement['operator'], string>>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

function labelRequirement({ key, operator, values }: LabelRequirement): object | undefined {
  const own = labelOperators[operator];
  return own === undefined ? undefined : { key, operator: own, ...(values.length === 0 ? {} : { values }) };
}
