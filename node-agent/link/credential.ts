// The node's credential: made here, bought with the bootstrap token, renewed when 60 to 70 % of its life are over. What is sent is
// on the disk before, so that a crash or a lost answer at any point loses nothing: asking again with the same is no second time.
// One that is refused is tried to be renewed first (it may have expired while the machine was off), with the one before it next
// (the control plane may have been restored from a copy), and then the node joins anew, should there be a token.
import type { Log, Random, Timers } from '../../src/ports/index.ts';
import { type ClusterInfo, newCredential } from '../../src/protocol/node.ts';
import { type ControlPlane, LinkError } from './api.ts';
import type { Identity, Store } from './store.ts';

export interface CredentialOptions {
  api: ControlPlane;
  store: Pick<Store, 'identity' | 'saveIdentity'>;
  timers: Timers;
  random: Random;
  log: Log;
  bootstrapToken: string | undefined;
}

const retryMs = 60_000;
/** A control plane of an earlier version knows no renewal. */
const unknownRetryMs = 60 * 60_000;
/** A timer takes no more than 2³¹ ms. */
const sleepMaxMs = 24 * 60 * 60_000;

const isRefusal = (error: unknown): boolean => error instanceof LinkError && error.code === 401;

export class Credential {
  readonly #o: CredentialOptions;
  #identity: Identity | undefined;
  /** Made for joining, and not known to be accepted. */
  #offered: string | undefined;
  #busy: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: CredentialOptions) {
    this.#o = options;
  }

  /** From the disk; undefined: the node has to join. */
  async load(): Promise<ClusterInfo | undefined> {
    const identity = await this.#o.store.identity();
    if (!identity) return undefined;
    this.#take(identity);
    return identity.cluster;
  }

  /** Throws where it is refused, or cannot be asked. */
  async join(): Promise<ClusterInfo> {
    const { api, bootstrapToken, random } = this.#o;
    if (!bootstrapToken) throw new Error('no credential and no bootstrap token');
    this.#offered ??= newCredential(random);
    const { credential, cluster, lifetimeMs } = await api.join(bootstrapToken, this.#offered);
    this.#offered = undefined;
    await this.#keep({ credential, cluster, ...this.#renewAt(lifetimeMs) });
    return cluster;
  }

  /** Renews in time from now on. */
  run(): void {
    const { timers } = this.#o;
    if (this.#stopped || !this.#identity) return;
    const dueMs = this.#identity.renewAtMs ?? timers.now();
    this.#sleep(Math.max(0, dueMs - timers.now()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** The control plane refused the credential. Once at a time. */
  refused(): Promise<void> {
    this.#busy ??= this.#recover().finally(() => {
      this.#busy = undefined;
    });
    return this.#busy;
  }

  #sleep(ms: number): void {
    this.#cancel?.();
    if (this.#stopped) return;
    this.#cancel = this.#o.timers.after(Math.min(ms, sleepMaxMs), () => {
      if (ms > sleepMaxMs) this.run();
      else void this.#renewInTime();
    });
  }

  async #renewInTime(): Promise<void> {
    try {
      await this.#renew();
      this.run();
    } catch (error) {
      this.#o.log.warn('the credential is not renewed yet', { error: String(error) });
      if (isRefusal(error)) await this.refused();
      this.#sleep(error instanceof LinkError && error.code === 404 ? unknownRetryMs : retryMs);
    }
  }

  async #renew(with_?: string): Promise<void> {
    const identity = this.#identity;
    if (!identity) return;
    const { api, random } = this.#o;
    const next = identity.next ?? newCredential(random);
    if (!identity.next) await this.#keep({ ...identity, next });
    const { lifetimeMs } = await api.renew(next, with_ ?? identity.credential);
    const { cluster, credential } = identity;
    await this.#keep({ credential: next, previous: credential, cluster, ...this.#renewAt(lifetimeMs) });
  }

  async #recover(): Promise<void> {
    const { log } = this.#o;
    const ways: (() => Promise<unknown>)[] = [() => this.#renew()];
    const previous = this.#identity?.previous;
    if (previous) ways.push(() => this.#renew(previous));
    if (this.#o.bootstrapToken) ways.push(() => this.join());
    for (const way of ways) {
      try {
        await way();
        log.info('the node has a credential again');
        this.run();
        return;
      } catch (error) {
        if (!isRefusal(error)) {
          log.warn('the credential was refused, and there is no other yet', { error: String(error) });
          return;
        }
      }
    }
    if (!this.#identity || this.#identity.refused) return;
    log.error('the credential was refused: the node needs a new bootstrap token');
    await this.#keep({ ...this.#identity, refused: true });
  }

  #renewAt(lifetimeMs: number | undefined): { renewAtMs?: number } {
    if (lifetimeMs === undefined) return {};
    const { timers, random } = this.#o;
    return { renewAtMs: timers.now() + Math.floor((lifetimeMs * (600 + random.int(100))) / 1000) };
  }

  async #keep(identity: Identity): Promise<void> {
    await this.#o.store.saveIdentity(identity);
    this.#take(identity);
  }

  #take(identity: Identity): void {
    this.#identity = identity;
    this.#o.api.credential = identity.credential;
  }
}
