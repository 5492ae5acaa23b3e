// How much of the server one client may take, beside what API Priority and Fairness gives each flow: requests of a user, where
// that is configured, and bad credentials from one address. What is refused is 429, and after a second it may be tried again.
//
// Credentials that are good for nothing are counted where they come from. An address that has sent too many of them is not
// looked at closer until some time has passed, unless what it brings was good lately: whoever shares an address with a flood,
// and has been here before, notices nothing.
import { defaultRequestLimits, type RequestLimits } from '../../configuration/limits.ts';
import { ApiError, errors } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import { RecentMap } from '../../machinery/recent-map.ts';
import { TokenBuckets } from '../../machinery/token-bucket.ts';
import type { Clock } from '../../ports/index.ts';
import type { User } from '../core.ts';
import { TimeLimits, timeLimitMs } from '../flowcontrol/time-limits.ts';
import { Counter, type Family, labels } from '../metrics/families.ts';
import type { RequestInfo } from '../routing.ts';
import { Bodies } from './bodies.ts';

const credentialHeaders = ['authorization', 'sec-websocket-protocol', 'cf-access-jwt-assertion'];
const addressesMax = 10_000;
const usersMax = 10_000;
const credentialsMax = 5_000;

export class Limits {
  readonly families: readonly Family[];
  readonly #clock: Clock;
  readonly #bodies: Bodies;
  readonly #failures: TokenBuckets;
  readonly #users: TokenBuckets | undefined;
  /** Credentials that were good lately. */
  readonly #good = new RecentMap<string, true>(credentialsMax);
  readonly #refused: (limit: string) => void;

  constructor(
    { failedAuthentication, perUser }: RequestLimits = defaultRequestLimits,
    clock: Clock,
    timeLimits = new TimeLimits(undefined),
  ) {
    this.#bodies = new Bodies(timeLimits);
    this.#clock = clock;
    this.#failures = new TokenBuckets(failedAuthentication, addressesMax);
    this.#users = perUser && new TokenBuckets(perUser, usersMax);
    const refusals = new Counter(
      'tiffin_apiserver_limited_requests_total',
      '[ALPHA] Requests refused by a limit on one client.',
    );
    this.families = [refusals];
    this.#refused = (limit) => {
      refusals.cell(labels({ limit })).count++;
    };
  }

  /** Serves a request once it is known `who` sends it, and its body is here. Rejects with Unauthorized, TooManyRequests or Timeout. */
  async admit<T extends { user: User; impersonator?: { user: User } }, R>(
    { request, info, url }: { request: HttpRequest; info: RequestInfo; url: URL },
    who: () => Promise<T>,
    serve: (known: T) => Promise<R>,
  ): Promise<R> {
    const known = await this.authenticated(request.clientAddress, credentialOf(request), who);
    const sender = known.impersonator?.user ?? known.user;
    this.#requireRate(sender);
    return this.#bodies.whenHere(request, info, sender, timeLimitMs(url.searchParams), () => serve(known));
  }

  /** As `authenticate`. Throws TooManyRequests for whoever brought too many bad credentials. */
  async authenticated<T>(
    address: string | undefined,
    credential: string | undefined,
    authenticate: () => Promise<T>,
  ): Promise<T> {
    const source = sourceOf(address);
    if (source === undefined || !credential) return authenticate();
    const bucket = this.#failures.known(source);
    if (bucket && !this.#good.has(credential) && !bucket.has(this.#clock.now())) {
      this.#refused('failedAuthentication');
      throw errors.tooManyRequests('too many bad credentials from this address');
    }
    try {
      const result = await authenticate();
      this.#good.set(credential, true);
      return result;
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'Unauthorized') {
        const nowMs = this.#clock.now();
        this.#failures.of(source, nowMs).take(nowMs);
        this.#good.delete(credential);
      }
      throw error;
    }
  }

  /** Throws TooManyRequests. Whoever is to help the cluster out is never held up. */
  #requireRate(user: User): void {
    if (!this.#users || user.groups.includes('system:masters')) return;
    const nowMs = this.#clock.now();
    if (this.#users.of(user.name, nowMs).take(nowMs)) return;
    this.#refused('perUser');
    throw errors.tooManyRequests('the user sends more than the cluster allows one');
  }
}

/** What a request says who it is by; undefined: nothing. */
function credentialOf({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  for (const name of credentialHeaders) {
    const value = headers.get(name);
    if (value) return value;
  }
  return undefined;
}

/** Of IPv6 a network of 64 bits: whoever has one address there has them all. */
function sourceOf(address: string | undefined): string | undefined {
  return address?.includes(':') ? networkOf(address) : address;
}

function networkOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  const all = [...groups, ...Array<string>(zeros).fill('0'), ...last];
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
