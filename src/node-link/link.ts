// The control plane's end of one node: a mailbox that holds the agent's poll until there is something to say, and a
// dead-man switch. Heartbeats are noted in memory; nothing is written while nothing changes but the alarm, once a grace
// period. It detects silence and return, and tells; what follows from that is the node-lifecycle controller's business.
// A restart or a deploy must not make a node NotReady, so silence counts from this link's start; where the object is
// rebuilt again and again (evicted, poked), from the first start since the last contact, which is written down. That start
// no longer counts once its deadline passed without the alarm being served, as then the control plane itself was away.
import type { NodeUsageRates } from '../machinery/usage.ts';
import type { Alarm, ClusterConfig, Log, Timers } from '../ports/index.ts';
import type { NodeChange, SyncRequest, SyncResponse } from '../protocol/node.ts';
import type { StreamOffer } from '../protocol/streams.ts';
import { OfferMailbox } from './mailbox.ts';
import { UsageHistory } from './usage.ts';

/** What the API server answers to a link. */
export interface Upstream {
  changes(request: { node: string; since: number; epoch: string; serviceRevision: number }): Promise<NodeNews>;
  /** Nothing was heard from the node for the grace period. Called again until it resolves. */
  silent(node: string, lastContactMs: number): Promise<void>;
  /** The node is heard of, for the first time, after a silence or after this link's start. */
  alive(node: string, contactMs: number): Promise<void>;
}

export interface NodeNews {
  epoch: string;
  revision: number;
  reset: boolean;
  changes: NodeChange[];
  /** All drained pods of the node that still terminate. */
  drained: string[];
}

/** What a link keeps over its object's eviction: written when it changes, which is rare. */
export interface LinkState {
  node: string;
  /** `unknown`: no contact yet that the control plane has been told of. */
  contact: 'unknown' | 'alive' | 'silent';
  /** Of a silent node. */
  lastContactMs?: number;
  /** Of a node that was alive in an earlier life of the link and has not been heard since. */
  unheard?: Unheard;
}

interface Unheard {
  /** The first start since the last contact. */
  sinceMs: number;
  /** Silence is told then. */
  dueMs: number;
  /** The extra wait for an agent whose control plane may just have come back has been granted. */
  extended?: boolean;
}

export interface LinkOptions {
  state: LinkState;
  save(state: LinkState): void;
  timers: Timers;
  alarm: Alarm;
  log: Log;
  config: ClusterConfig;
  upstream: Upstream;
}

/** After news, an agent that does not poll all the time is asked to for this long. */
const busyMs = 15_000;
/** Without any poke the API server is still asked this often: the last resort should a poke and its repair both be lost. */
const recheckMs = 60_000;

export class NodeLinkCore {
  readonly #options: LinkOptions;
  #state: LinkState;
  readonly #startedMs: number;
  readonly #usage: UsageHistory;
  readonly #offers: OfferMailbox;
  #lastContactMs: number | undefined;
  /** Raised by every poke and offer; a held poll sleeps until it moves. */
  #bell = 0;
  #wake: (() => void) | undefined;
  /** Revision that the API server was asked at last, and the bell then: nothing new can have come if both still stand. */
  #checked: { revision: number; epoch: string; bell: number; atMs: number } | undefined;
  #serviceRevision = 0;
  #session = '';
  #epoch = '';
  #told = new Set<string>();
  #lastNewsMs = 0;
  /** When the alarm is to fire; undefined: it is not armed, as far as this life of the link knows. */
  #armedMs: number | undefined;
  #polls = 0;
  #telling = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#startedMs = options.timers.now();
    this.#usage = new UsageHistory(options.timers);
    this.#offers = new OfferMailbox(options.timers);
    if (this.#state.contact === 'alive') this.#awaitContact();
  }

  /** Also arms the alarm: it may have got lost with the life before, and the node need never be heard again. */
  #awaitContact(): void {
    const { nodeGraceMs, nodeHeartbeatMs } = this.#options.config;
    const now = this.#startedMs;
    let unheard = this.#state.unheard;
    if (!unheard || now > unheard.dueMs + nodeHeartbeatMs) {
      unheard = { sinceMs: now, dueMs: now + nodeGraceMs };
      this.#save({ ...this.#state, unheard });
    }
    this.#arm(unheard.dueMs);
  }

  /** Something that concerns this node has been committed. Answers what the node has acknowledged. */
  poke(_revision: number): { serviceRevision: number } {
    this.#ring();
    return { serviceRevision: this.#serviceRevision };
  }

  /** Last sign of life, or the first start of this link since; undefined: nothing was ever heard of the node. */
  lastContact(): number | undefined {
    if (this.#lastContactMs === undefined && this.#state.contact === 'unknown') return undefined;
    // A node that has been found silent stays so over a restart of its link.
    if (this.#lastContactMs === undefined && this.#state.contact === 'silent') return this.#state.lastContactMs;
    return this.#countedFrom();
  }

  #countedFrom(): number {
    return this.#lastContactMs ?? this.#state.unheard?.sinceMs ?? this.#startedMs;
  }

  /** What the node and its pods use, by what its agent has reported of late. */
  usage(): NodeUsageRates {
    return this.#usage.rates();
  }

  /** Until it is withdrawn, or nobody waits for it any more. */
  offer(stream: StreamOffer, untilMs: number): void {
    this.#offers.add(stream, untilMs);
    this.#ring();
  }

  withdraw(streamId: string): void {
    this.#offers.remove(streamId);
  }

  /** Any sign of life: a poll, a report, a stream. Tells of a return on the side; one that got lost is told again. */
  heard(): void {
    const { timers, config, upstream, log } = this.#options;
    const now = timers.now();
    this.#lastContactMs = now;
    // One that is long overdue was lost by the runtime.
    if (this.#armedMs === undefined || now > this.#armedMs + config.nodeGraceMs) this.#arm(now + config.nodeGraceMs);
    if (this.#state.unheard) this.#save({ node: this.#state.node, contact: this.#state.contact });
    if (this.#state.contact === 'alive' || this.#telling) return;
    this.#telling = true;
    upstream
      .alive(this.#state.node, now)
      .then(() => this.#setContact('alive'))
      .catch((error) => log.warn('contact could not be told', { node: this.#state.node, error: String(error) }))
      .finally(() => {
        this.#telling = false;
      });
  }

  /**
   * The agent's poll. Resolves with news, or without any once `waitMs` has passed, at most a heartbeat: only the arrival
   * of a request proves life, since a machine that lost its power leaves its connection open. `cancelled` ends the wait.
   */
  async sync(request: SyncRequest, cancelled?: AbortSignal): Promise<SyncResponse> {
    this.heard();
    this.#usage.add(request.usage);
    this.#offers.acknowledge(request);
    const { timers, config } = this.#options;
    const begins = request.session !== this.#session || request.epoch !== this.#epoch || request.since === 0;
    if (request.session !== this.#session || request.since === 0) {
      this.#session = request.session;
      this.#told = new Set();
      this.#checked = undefined;
    }
    this.#epoch = request.epoch;
    // Requests may overtake one another: what one session has acknowledged once stays acknowledged.
    const acknowledged = begins ? request.serviceRevision : Math.max(this.#serviceRevision, request.serviceRevision);
    if (acknowledged !== this.#serviceRevision) {
      this.#serviceRevision = acknowledged;
      this.#checked = undefined;
    }
    // A newer poll of the same agent replaces an older one that is still held; one that does not wait (an
    // acknowledgement meanwhile) replaces nothing.
    const poll = request.waitMs > 0 ? ++this.#polls : this.#polls;
    if (request.waitMs > 0) this.#wake?.();
    const untilMs = timers.now() + Math.min(Math.max(request.waitMs, 0), config.nodeHeartbeatMs);
    let since = request.since;
    let epoch = request.epoch;
    for (;;) {
      const bell = this.#bell;
      const news = await this.#ask(since, epoch, bell);
      const drained = news?.drained.filter((uid) => !this.#told.has(uid)) ?? [];
      const over = timers.now() >= untilMs || cancelled?.aborted || poll !== this.#polls;
      const offers = poll === this.#polls ? this.#offers.handOut(request) : [];
      if (news) {
        since = news.revision;
        epoch = news.epoch;
      }
      if (over || news?.reset || news?.changes.length || drained.length > 0 || offers.length > 0) {
        for (const uid of drained) this.#told.add(uid);
        if (news?.changes.length || drained.length > 0 || offers.length > 0) this.#lastNewsMs = timers.now();
        return {
          epoch,
          revision: since,
          reset: news?.reset ?? false,
          changes: news?.changes ?? [],
          streams: offers,
          drained,
          nextPollMs: this.#nextPollMs(config),
        };
      }
      await this.#sleep(bell, untilMs, cancelled);
    }
  }

  /** The alarm: looks at the last contact, once a grace period. */
  async alarm(): Promise<void> {
    this.#armedMs = undefined;
    if (this.#state.contact === 'silent') return;
    const { timers, config, upstream, log } = this.#options;
    const last = this.#countedFrom();
    const { unheard } = this.#state;
    const dueMs = unheard?.dueMs ?? last + config.nodeGraceMs;
    const now = timers.now();
    if (now < dueMs) return this.#arm(dueMs);
    const extendedMs = this.#startedMs + config.nodeHeartbeatMs;
    if (unheard && !unheard.extended && now < extendedMs) {
      this.#save({ ...this.#state, unheard: { ...unheard, dueMs: extendedMs, extended: true } });
      return this.#arm(extendedMs);
    }
    try {
      await upstream.silent(this.#state.node, last);
      // It may have spoken in the meantime.
      if ((this.#lastContactMs ?? 0) > last) return await this.#options.upstream.alive(this.#state.node, timers.now());
      this.#setContact('silent', last);
      log.info('node is silent', { node: this.#state.node, lastContact: new Date(last).toISOString() });
    } catch (error) {
      log.warn('silence could not be told', { node: this.#state.node, error: String(error) });
      this.#arm(timers.now() + 1000);
    }
  }

  async #ask(since: number, epoch: string, bell: number): Promise<NodeNews | undefined> {
    const { timers, upstream } = this.#options;
    const known = this.#checked;
    if (
      since !== 0 &&
      known?.bell === bell &&
      known.revision === since &&
      known.epoch === epoch &&
      timers.now() - known.atMs < recheckMs
    )
      return undefined;
    const news = await upstream.changes({
      node: this.#state.node,
      since,
      epoch,
      serviceRevision: this.#serviceRevision,
    });
    this.#checked = { revision: news.revision, epoch: news.epoch, bell, atMs: timers.now() };
    return news;
  }

  #nextPollMs(config: ClusterConfig): number {
    if (config.longPoll === 'always') return 0;
    return this.#options.timers.now() - this.#lastNewsMs < busyMs ? 0 : config.nodeHeartbeatMs;
  }

  #ring(): void {
    this.#bell++;
    this.#wake?.();
  }

  async #sleep(bell: number, untilMs: number, cancelled?: AbortSignal): Promise<void> {
    if (this.#bell !== bell || cancelled?.aborted) return;
    const { timers } = this.#options;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stop();
        cancelled?.removeEventListener('abort', done);
        if (this.#wake === done) this.#wake = undefined;
        resolve();
      };
      const stop = timers.after(Math.max(0, untilMs - timers.now()), done);
      cancelled?.addEventListener('abort', done);
      this.#wake = done;
    });
  }

  #arm(atMs: number): void {
    this.#armedMs = atMs;
    this.#options.alarm.set(atMs);
  }

  #setContact(contact: LinkState['contact'], lastContactMs?: number): void {
    this.#save({ node: this.#state.node, contact, ...(lastContactMs === undefined ? {} : { lastContactMs }) });
  }

  #save(state: LinkState): void {
    this.#state = state;
    this.#options.save(state);
  }
}
