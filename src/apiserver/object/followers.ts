// Who follows the ledger: the controller manager, the scheduler and the nodes' links. Has those poked whom a commit concerns, and
// repairs pokes that were lost, when the deadline `repair` comes. What they are told is only that there is more; they read on by
// themselves.
import { nodes } from '../../generated/schemas/index.ts';
import type { Change, Ledger } from '../../ledger/types.ts';
import type { Log, Timers } from '../../ports/index.ts';
import { type Interest, wants } from '../../reconcile/interest.ts';
import type { Follower } from '../../reconcile/remote.ts';
import type { DrainTracker } from '../nodes/drain.ts';
import { entries, keyRange, splitKey } from '../nodes/objects.ts';
import type { RecentChanges } from '../nodes/recent.ts';
import { concernsScheduler } from './concerns.ts';
import type { Deadlines } from './deadlines.ts';
import type { Peers } from './peers.ts';
import { type Consumer, Poker } from './poker.ts';

const deadline = 'repair';
const repairMs = 5_000;
const repairMaxMs = 60_000;
/** Revisions. */
const lagMax = 1000;
const controllerManager = 'controller-manager';
const scheduler = 'scheduler';
const linkPrefix = 'node/';

export interface FollowersOptions {
  ledger: Ledger;
  deadlines: Deadlines;
  timers: Timers;
  log: Log;
  peers: Peers;
  recent: RecentChanges;
  drain: DrainTracker;
  /** Keeps the runtime from dropping a call that outlives its request. */
  waitUntil(work: Promise<unknown>): void;
}

export class Followers {
  readonly #options: FollowersOptions;
  readonly #poker: Poker;
  #failures = 0;
  /** Everything, until they have said in this life what they want. */
  #concernsControllers: (change: Change) => boolean = () => true;
  /** An earlier life may have left pokes behind of which this one does not know. */
  #inherited: boolean;

  constructor(options: FollowersOptions) {
    const { deadlines, timers, log, waitUntil } = options;
    this.#options = options;
    this.#inherited = deadlines.get(deadline) !== undefined;
    this.#poker = new Poker({
      clock: timers,
      consumer: (name) => this.#consumer(name),
      waitUntil,
      later: (delayMs, work) => void timers.after(delayMs, work),
      armRepair: () => {
        if (deadlines.get(deadline) === undefined) deadlines.set(deadline, timers.now() + repairMs);
      },
      onFailure: (name, error) => log.warn('poke failed', { consumer: name, error: String(error) }),
    });
  }

  /** How many have not caught up. */
  get behind(): number {
    return this.#poker.behind;
  }

  /** What is wrong with one, as far as calls to it tell; undefined: nothing. */
  problem(follower: Follower): string | undefined {
    return this.#poker.problem(follower);
  }

  /** A follower says what it wants to see. */
  interested(follower: Follower, interest: Interest): void {
    if (follower === controllerManager) this.#concernsControllers = wants(interest);
  }

  /** In the turn of the commit, so that the repair deadline is part of the same write to disk. */
  committed(changes: readonly Change[], revision: number): void {
    const { ledger, recent } = this.#options;
    const concerned = recent.observe(ledger, changes);
    if (concerned.all) for (const name of this.#nodeNames()) concerned.names.add(name);
    // Whoever brings a pod up goes before those who only note that it is there.
    for (const name of concerned.names) this.#poker.want(linkPrefix + name, revision);
    this.#tell(scheduler, revision, concernsScheduler(changes));
    this.#tell(controllerManager, revision, changes.some(this.#concernsControllers));
  }

  /** A node has put into effect what Services were at that revision: whoever's pods wait for it may go on. */
  acknowledge(node: string, serviceRevision: number): void {
    const { drain, ledger } = this.#options;
    for (const owner of drain.acknowledge(node, serviceRevision)) this.#poker.want(linkPrefix + owner, ledger.revision);
  }

  /** Before history goes: whoever nothing has concerned for a while reads on, lest he begin afresh behind what is gone. */
  async catchUp(): Promise<void> {
    this.#wantAll();
    await this.#poker.repair();
  }

  /** The deadline has come. */
  async repair(): Promise<void> {
    const { deadlines, timers, ledger } = this.#options;
    if (this.#inherited) {
      // Whose poke was lost in the earlier life is not known, so everyone is poked once.
      this.#inherited = false;
      this.#wantAll();
      for (const name of this.#nodeNames()) this.#poker.want(linkPrefix + name, ledger.revision);
    }
    await this.#poker.repair();
    // Asked in this turn: whoever was wanted while the calls ended must not lose the deadline.
    const { caughtUp } = this.#poker;
    this.#failures = caughtUp ? 0 : this.#failures + 1;
    const again = Math.min(repairMaxMs, repairMs * 2 ** Math.min(this.#failures, 10));
    deadlines.set(deadline, caughtUp ? undefined : timers.now() + again);
  }

  #wantAll(): void {
    const { revision } = this.#options.ledger;
    this.#poker.want(controllerManager, revision);
    this.#poker.want(scheduler, revision);
  }

  *#nodeNames(): Iterable<string> {
    for (const { key } of entries(this.#options.ledger, keyRange(nodes))) yield splitKey(key).name;
  }

  /** A follower whom nothing concerns reads on now and then, lest its cursor be compacted. */
  #tell(follower: Follower, revision: number, concerned: boolean): void {
    if (concerned || revision - this.#poker.reached(follower) > lagMax) this.#poker.want(follower, revision);
  }

  #consumer(name: string): Consumer {
    const { peers } = this.#options;
    if (name === scheduler) return this.#ofThisLedger(peers.scheduler);
    if (name === controllerManager) return this.#ofThisLedger(peers.controllerManager);
    const node = name.slice(linkPrefix.length);
    return {
      poke: async (revision) => {
        const { serviceRevision } = await peers.link(node).poke(revision);
        this.acknowledge(node, serviceRevision);
        return revision;
      },
    };
  }

  /** A consumer that is ahead of the ledger knows one that was restored since: told of more, it looks and begins anew. */
  #ofThisLedger(consumer: Consumer): Consumer {
    return {
      ...consumer,
      poke: async (revision) => {
        const reached = await consumer.poke(revision);
        return reached > this.#options.ledger.revision ? await consumer.poke(reached + 1) : reached;
      },
    };
  }
}
