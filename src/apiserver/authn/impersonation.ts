// `kubectl --as`: a request that asks, by its Impersonate- headers, to be judged as another user's. Whoever may not
// impersonate is refused; the headers are never ignored, since the request would then run with the caller's own rights. There
// are several ways to be allowed it (upstream's ConstrainedImpersonation): for a kind of user and for what is done in his
// name, each of which takes verbs of its own, or for everything, with the verb `impersonate`.
//
// Fetch joins headers of one name by ", ", so that two groups look like one with a comma and a space in it. Such a value is
// taken for several, which is what clients send; but nobody gets into a privileged group of the system that way: somebody's
// group in a directory, passed on by a proxy, may be called anything.

import { errors, goQuoted } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import { RecentMap } from '../../machinery/recent-map.ts';
import { type Attributes, type Authorizer, decided, refused } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import { allAuthenticated, anonymous } from './authenticator.ts';
import { authorizeIdentity, type Mode, modes } from './impersonation-modes.ts';

const extraPrefix = 'impersonate-extra-';
const unauthenticated = anonymous.groups[0] as string;

/** Whom the headers ask for. */
export interface WantedUser {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

export interface Impersonated {
  readonly user: User;
  /** The verb that allowed it, such as `impersonate:user-info`; '' for plain `impersonate`. */
  readonly constraint: string;
}

/** Who acts in another's name, and by which of the ways. */
export type Impersonator = Impersonated;

/** Undefined: nobody is to be impersonated. Throws BadRequest. */
export function wantedUser(headers: HttpRequest['headers']): WantedUser | undefined {
  let impersonates = false;
  // Every request comes by here: names alone are cheap to look through.
  for (const header of headers.keys()) if (header.startsWith('impersonate-')) impersonates = true;
  if (!impersonates) return undefined;
  const extra = new Map<string, string[]>();
  for (const header of headers.keys()) {
    if (!header.startsWith(extraPrefix)) continue;
    const key = unescaped(header.slice(extraPrefix.length));
    extra.set(key, [...(extra.get(key) ?? []), ...listed(headers.get(header))]);
  }
  const wanted: WantedUser = {
    name: headers.get('impersonate-user') ?? '',
    uid: headers.get('impersonate-uid') ?? '',
    groups: listed(headers.get('impersonate-group')),
    extra,
  };
  if (wanted.name === '') {
    if (wanted.uid === '' && wanted.groups.length === 0 && extra.size === 0) return undefined;
    throw errors.badRequest(`requested ${goText(wanted)} without impersonating a user name`);
  }
  if (wanted.groups.length > 1 && wanted.groups.some(isPrivileged))
    throw errors.badRequest(
      `requested groups ${goList(wanted.groups)}: several values arrive as one, so that a group of the system must be the only one`,
    );
  return wanted;
}

/** Several headers of one name arrive joined. */
const listed = (value: string | null): string[] => (value === null ? [] : value.split(', '));

/** Groups that the cluster itself gives rights to, but those that everybody has. */
const isPrivileged = (group: string): boolean =>
  group.startsWith('system:') &&
  group !== allAuthenticated &&
  group !== unauthenticated &&
  !/^system:serviceaccounts(:|$)/.test(group);

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** As Go prints a *user.DefaultInfo. */
function goText({ name, uid, groups, extra }: WantedUser): string {
  const keys = [...extra.keys()].sort();
  const pairs = keys.map((key) => `${goQuoted(key)}:${goList(extra.get(key) ?? [])}`);
  const map = extra.size === 0 ? 'map[string][]string(nil)' : `map[string][]string{${pairs.join(', ')}}`;
  return `&user.DefaultInfo{Name:${goQuoted(name)}, UID:${goQuoted(uid)}, Groups:${goList(groups)}, Extra:${map}}`;
}

const goList = (values: readonly string[]): string =>
  values.length === 0 ? '[]string(nil)' : `[]string{${values.map(goQuoted).join(', ')}}`;

/** Users of whom it is known how they may impersonate. */
const rememberedMax = 10_000;

export class Impersonation {
  readonly #authorizer: Authorizer;
  /** Which mode allowed it to a user last: it is tried first, and its refusal is the one that is told. */
  readonly #last = new RecentMap<string, Mode>(rememberedMax);

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  /** `attributes`: of the request, with the user who sends it. Throws Forbidden. */
  async impersonate(wanted: WantedUser, attributes: Attributes): Promise<Impersonated> {
    const { name } = attributes.user;
    const last = this.#last.get(name);
    let refusal: unknown;
    for (const mode of last ? [last, ...modes.filter((one) => one !== last)] : modes) {
      if (!mode.serves(wanted, attributes.user)) continue;
      try {
        const user = await this.#as(mode, wanted, attributes);
        if (mode !== last) this.#last.set(name, mode);
        return { user, constraint: mode.constrained ? mode.verb : '' };
      } catch (error) {
        refusal ??= error;
      }
    }
    throw refusal;
  }

  async #as(mode: Mode, wanted: WantedUser, attributes: Attributes): Promise<User> {
    const require = async (asked: Attributes) => {
      const decision = await decided(this.#authorizer.authorize(asked));
      if (!decision?.allowed) throw refused(asked, decision, true);
    };
    const requestor = mode.as?.(attributes.user) ?? attributes.user;
    if (mode.constrained)
      await require({
        ...attributes,
        user: requestor,
        verb: `impersonate-on:${mode.name}:${attributes.verb}`,
      });
    const groups = await authorizeIdentity(mode, wanted, requestor, require);
    const everyone =
      wanted.name === anonymous.name ? [unauthenticated] : groups.includes(unauthenticated) ? [] : [allAuthenticated];
    return {
      name: wanted.name,
      ...(wanted.uid === '' ? {} : { uid: wanted.uid }),
      groups: [...groups, ...everyone.filter((group) => !groups.includes(group))],
      extra: Object.fromEntries(wanted.extra),
    };
  }
}
