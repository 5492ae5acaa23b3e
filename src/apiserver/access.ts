// Who sends a request, in whose name, and whether that may be done: authentication, impersonation and authorisation as the
// server uses them. What is refused is thrown: Unauthorized, Forbidden.
import type { Configuration } from '../configuration/configuration.ts';
import type { HttpRequest } from '../machinery/http.ts';
import type { AnyResource, Authority } from '../machinery/resource.ts';
import type { AuditedRequest } from './audit/request.ts';
import type { Authenticator } from './authn/authenticator.ts';
import { Impersonation, type Impersonator, wantedUser } from './authn/impersonation.ts';
import { type RequestAuthenticator, requestAuthenticator } from './authn/request.ts';
import { type Attributes, type Authorizer, type Decision, decided, refused } from './authz/authorizer.ts';
import { attributesOf } from './authz/selection.ts';
import type { User } from './core.ts';
import type { Outside } from './outgoing/call.ts';
import { Unanswered } from './rest/unanswered.ts';
import type { RequestInfo } from './routing.ts';

export interface AccessOptions {
  tokens: Authenticator;
  authorizer: Authorizer;
  configuration: Configuration;
  outside: Outside;
  /** Whether there is such a resource. */
  isServed(attributes: Attributes): boolean;
}

export class Access {
  readonly #authorizer: Authorizer;
  readonly #authenticate: RequestAuthenticator;
  readonly #impersonation: Impersonation;
  /** Whether decisions may come later. */
  readonly #asksElsewhere: boolean;
  readonly #isServed: AccessOptions['isServed'];

  constructor({ tokens, authorizer, configuration, outside, isServed }: AccessOptions) {
    this.#authorizer = authorizer;
    this.#isServed = isServed;
    this.#authenticate = requestAuthenticator(tokens, configuration, outside);
    this.#impersonation = new Impersonation(authorizer);
    this.#asksElsewhere = configuration.authorization?.authorizers.some(({ type }) => type === 'Webhook') ?? false;
  }

  /** Policies are read now, so that none is read for the first time while a transaction is under way. */
  prepare(): void {
    this.#authorizer.rulesFor?.({ name: '', groups: [] }, '');
  }

  /** Whose request it is, and who sends it in another's name. */
  async whom(
    request: HttpRequest,
    info: RequestInfo,
    audit?: AuditedRequest,
  ): Promise<{ user: User; impersonator?: Impersonator }> {
    const sender = await this.#authenticate(request, info.path);
    audit?.sentBy(sender);
    const wanted = wantedUser(request.headers);
    if (!wanted) return { user: sender };
    const { user, constraint } = await this.#impersonation.impersonate(wanted, attributesOf(info, sender));
    audit?.impersonates(user, constraint);
    return { user, impersonator: { user: sender, constraint } };
  }

  /** At once, unless it is for somebody elsewhere to say. */
  require(attributes: Attributes, audit?: AuditedRequest): Promise<void> | undefined {
    const decision = this.#authorizer.authorize(attributes);
    if (decision?.later) return decision.later().then((settled) => this.#requireAllowed(settled, attributes, audit));
    this.#requireAllowed(decision, attributes, audit);
    return undefined;
  }

  /** What an update or a patch asks that finds nothing. It cannot wait: whoever is elsewhere is asked beforehand. */
  async mayCreate(attributes: Attributes): Promise<() => void> {
    const { verb } = attributes;
    const creating = { ...attributes, verb: 'create' };
    const ask = () => this.#authorizer.authorize(creating);
    if (!this.#asksElsewhere || (verb !== 'update' && verb !== 'patch'))
      return () => this.#requireAllowed(ask(), creating);
    const settled = await decided(ask());
    return () => this.#requireAllowed(settled, creating);
  }

  /** Whether the same thing may be read, too; what somebody elsewhere would say of it is left open. */
  mayGet(attributes: Attributes): () => void {
    return () => {
      const reading = { ...attributes, verb: 'get' };
      const decision = this.#authorizer.authorize(reading);
      if (!decision?.later) this.#requireAllowed(decision, reading);
    };
  }

  /** Undefined: an administrator, or nobody asks. */
  authority({ strategy }: AnyResource, asked: Attributes): Authority | undefined {
    const { user, name: requestName, namespace } = asked;
    if (!strategy.authorize || user.groups.includes('system:masters')) return undefined;
    const { rules = [], errors = [] } = this.#authorizer.rulesFor?.(user, namespace) ?? {};
    const answers = new Map<string, boolean>();
    return {
      requestName,
      rules,
      errors,
      may: (what) => {
        const question = JSON.stringify(what);
        const known = answers.get(question);
        if (known !== undefined) return known;
        const asking = { user, isResource: true, path: '', version: '*', subresource: '', ...what };
        const decision = this.#authorizer.authorize(asking);
        if (!decision?.later) return decision?.allowed === true;
        throw new Unanswered(async () => {
          answers.set(question, (await decided(decision))?.allowed === true);
        });
      },
    };
  }

  #requireAllowed(decision: Decision | undefined, attributes: Attributes, audit?: AuditedRequest): void {
    audit?.authorized(decision?.allowed === true, decision?.reason ?? '');
    if (!decision?.allowed) throw refused(attributes, decision, this.#isServed(attributes));
  }
}
