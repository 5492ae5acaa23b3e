// The keys of an issuer, fetched when a token of his first comes and kept. A token that none of them has signed makes them be
// fetched anew, since keys rotate, but never more often than every so many seconds, whoever sends what; all who wait at once
// wait for one call. With keys at hand nobody waits: they are looked at anew behind the requests.

import { isJsonObject } from '../../../machinery/schema/json.ts';
import { callOut, type Outside } from '../../outgoing/call.ts';
import { Remembered } from '../remembered.ts';
import { type Jwt, PublicKey } from './token.ts';

export interface RemoteKeysOptions extends Outside {
  issuer: string;
  certificateAuthority?: string | undefined;
  /** Where the JWKS is; `get` reads a JSON object. Rejects with an Error that says why it cannot be told. */
  locate(get: (url: string) => Promise<Record<string, unknown>>): Promise<string>;
}

const timeoutMs = 10_000;
const bytesMax = 512 * 1024;
const keysMax = 64;
/** Of tokens whose signature was found good; some thousands of them. */
const rememberedCharsMax = 4 * 1024 * 1024;
/** Between two calls, whether the first went well or not. */
const pauseMs = 10_000;
/** From then on keys are looked at anew, lest one that was withdrawn count for ever. */
const staleMs = 10 * 60_000;

export class RemoteKeys {
  readonly #options: RemoteKeysOptions;
  #keys: readonly PublicKey[] = [];
  /** Which key made the signature of a token: it is good as long as the key is. */
  readonly #verified = new Remembered<PublicKey>(rememberedCharsMax);
  #location: string | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
  }

  /** Whether one of the issuer's keys made the signature. Never rejects. */
  async verifies(token: string, jwt: Jwt): Promise<boolean> {
    const now = this.#options.timers.now();
    const known = this.#keys;
    if (await this.#anyVerifies(token, jwt)) {
      if (now - this.#fetchedMs >= staleMs) void this.#refresh();
      return true;
    }
    await this.#refresh();
    return this.#keys !== known && (await this.#anyVerifies(token, jwt));
  }

  async #anyVerifies(token: string, jwt: Jwt): Promise<boolean> {
    const known = this.#verified.get(token);
    if (known && this.#keys.includes(known)) return true;
    for (const key of this.#keys) {
      if (jwt.kid !== '' && jwt.kid !== key.kid) continue;
      if (!(await key.verifies(jwt))) continue;
      this.#verified.set(token, key);
      return true;
    }
    return false;
  }

  #refresh(): Promise<void> {
    const now = this.#options.timers.now();
    if (!this.#underWay && now - this.#askedMs >= pauseMs) {
      this.#askedMs = now;
      this.#underWay = this.#fetch().finally(() => {
        this.#underWay = undefined;
      });
    }
    return this.#underWay ?? Promise.resolve();
  }

  async #fetch(): Promise<void> {
    const { log, issuer, timers, locate } = this.#options;
    try {
      this.#location ??= await locate((url) => this.#get(url));
      const { keys } = await this.#get(this.#location);
      if (!Array.isArray(keys)) throw new Error('the JWKS has no keys');
      this.#keys = keys
        .filter(isJsonObject)
        .slice(0, keysMax)
        .map((jwk) => new PublicKey(jwk));
      this.#fetchedMs = timers.now();
    } catch (error) {
      // Where they are may have changed.
      this.#location = undefined;
      log.warn('keys of a token issuer could not be had', { issuer, error: String(error) });
    }
  }

  async #get(url: string): Promise<Record<string, unknown>> {
    const { fetch, timers, certificateAuthority } = this.#options;
    if (!fetch) throw new Error('nothing can be called here');
    if (!url.startsWith('https://')) throw new Error(`${url} is not https`);
    const bounds = { timeoutMs, bytesMax, ...(certificateAuthority ? { certificateAuthority } : {}) };
    const { status, text } = await callOut(fetch, timers, url, { headers: { accept: 'application/json' } }, bounds);
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value)) throw new Error(`${url} answered no JSON object`);
    return value;
  }
}
