// Runs controllers: reads the feed behind a durable cursor, maps changes to keys, and reconciles keys, many at once but
// the same key never twice at once. Everything that waits waits in a table; the one alarm is set to the earliest of it.
// Invariants: the stored cursor never passes work that is neither done nor in the table (see Queue); no timer is used;
// an empty queue arms no alarm. It does not see objects: controllers read what they need.
import { ApiError } from '../machinery/errors.ts';
import { groupResource, type ResourceToken } from '../machinery/meta.ts';
import type { Alarm, Clock, ClusterConfig, Log, Random, Sql, Timers } from '../ports/index.ts';
import { backoffMs } from './backoff.ts';
import { Recorder } from './events.ts';
import { type Interest, interestOf, queriesOf } from './interest.ts';
import { type Item, Queue } from './queue.ts';
import type { Client, Controller, Feed, ObjectChange, ReconcileContext, Result } from './types.ts';

export interface RunnerOptions {
  sql: Sql;
  clock: Clock;
  /** See the recorder's options. */
  timers?: Timers;
  random: Random;
  config: ClusterConfig;
  log: Log;
  client: Client;
  /** The client that a controller of this name uses; default: `client` for all. */
  clientFor?: (controllerName: string) => Client;
  feed: Feed;
  controllers: readonly Controller[];
  alarm: Alarm;
  /** Keys reconciled at the same time; default 32. */
  concurrencyMax?: number;
  /** Longest stretch of one poke or alarm; what is left goes on in the next alarm. Default 10 s. */
  stretchMs?: number;
}

export interface Runner {
  /**
   * The ledger has reached `revision`. Resolves when everything that could be done about it is done; `cursor` is the
   * revision up to which nothing depends on another poke. A poke during a run makes it look again and joins it.
   */
  poke(revision: number): Promise<{ cursor: number }>;
  /** Something outside the ledger asks for a key (a node fell silent). Kept in a row; resolves when it has been looked at. */
  enqueue(controller: string, key: string): Promise<void>;
  /** The alarm fired. Also looks at the feed, in case a poke was lost. Never throws. */
  alarm(): Promise<void>;
}

const feedPage = 500;
const stretchMsDefault = 10_000;
/** A change whose keys cannot be told after so many attempts is passed over. */
const keysAttemptsMax = 5;
/** A run without any progress for this long is taken for abandoned by its runtime. */
const stallMs = 60_000;

export function createRunner(options: RunnerOptions): Runner {
  return new FeedRunner(options);
}

/** One run: from a poke or alarm until there is nothing left to do now. */
interface Run {
  running: number;
  startMs: number;
  progressMs: number;
  wake: () => void;
  done: Promise<void>;
}

class FeedRunner implements Runner {
  readonly #options: RunnerOptions;
  readonly #queue: Queue;
  readonly #controllers: Map<string, { controller: Controller; context: ReconcileContext; events: Recorder }>;
  readonly #recorders: Recorder[];
  readonly #resources: Map<string, ResourceToken>;
  readonly #interest: Interest;
  #run: Run | undefined;
  #look = false;
  #feedFailures = 0;
  #feedRetryMs: number | undefined;
  /** What the alarm was set to; null: not known (a fresh start). */
  #armedMs: number | undefined | null = null;
  /** The alarm may not be set to or below the time at which the one now running was due: it would be lost. */
  #alarmFloorMs = 0;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#queue = new Queue(options.sql);
    const { clock, random, config, log } = options;
    this.#controllers = new Map(
      options.controllers.map((controller) => {
        const client = options.clientFor?.(controller.name) ?? options.client;
        const events = new Recorder({ client, clock, timers: options.timers, log, component: controller.name });
        return [controller.name, { controller, events, context: { client, events, clock, random, config, log } }];
      }),
    );
    this.#recorders = [...this.#controllers.values()].map(({ events }) => events);
    this.#resources = new Map(
      options.controllers.flatMap((c) => c.sources.map((s) => [groupResource(s.resource), s.resource] as const)),
    );
    this.#interest = interestOf(options.controllers.flatMap(({ sources }) => sources));
  }

  async poke(revision: number): Promise<{ cursor: number }> {
    if (revision > this.#queue.position) await this.#start();
    else await this.#run?.done;
    return { cursor: this.#queue.watermark };
  }

  async enqueue(controller: string, key: string): Promise<void> {
    this.#queue.addDurably(controller, key, this.#options.clock.now());
    await this.#start(false);
  }

  async alarm(): Promise<void> {
    const nowMs = this.#options.clock.now();
    this.#alarmFloorMs = Math.max(this.#alarmFloorMs, (this.#armedMs ?? nowMs) + 1);
    if (this.#armedMs === null) {
      const earliest = this.#queue.ripen(nowMs);
      if (earliest !== undefined) this.#alarmFloorMs = Math.max(this.#alarmFloorMs, earliest + 1);
    }
    this.#armedMs = undefined;
    await this.#start();
  }

  #start(look = true): Promise<void> {
    this.#look ||= look;
    const nowMs = this.#options.clock.now();
    if (this.#run && nowMs - this.#run.progressMs < stallMs) {
      this.#run.wake();
      return this.#run.done;
    }
    if (this.#run) {
      this.#options.log.warn('a run made no progress and is abandoned', { sinceMs: this.#run.progressMs });
      this.#queue.abandonRunning(nowMs);
    }
    const run: Run = { running: 0, startMs: nowMs, progressMs: nowMs, wake: () => undefined, done: Promise.resolve() };
    this.#run = run;
    run.done = this.#loop(run)
      .catch((error: unknown) => this.#options.log.error('the controllers stopped early', { error: String(error) }))
      .finally(() => {
        if (this.#run === run) this.#run = undefined;
      });
    return run.done;
  }

  async #loop(run: Run): Promise<void> {
    const { clock, concurrencyMax = 32, stretchMs = stretchMsDefault } = this.#options;
    let tired = false;
    let reading: Promise<void> | undefined;
    let recording: Promise<unknown> | undefined;
    let ripenedMs = 0;
    while (this.#run === run) {
      const woken = new Promise<void>((resolve) => {
        run.wake = resolve;
      });
      tired ||= clock.now() - run.startMs > stretchMs;
      if (this.#look && !reading && !tired) {
        this.#look = false;
        reading = this.#readFeed(run).finally(() => {
          reading = undefined;
          run.wake();
        });
      }
      if (!tired && !this.#queue.hasReady && clock.now() > ripenedMs) {
        ripenedMs = clock.now();
        this.#queue.ripen(ripenedMs);
      }
      while (!tired && run.running < concurrencyMax) {
        const item = this.#queue.take();
        if (!item) break;
        run.running++;
        void this.#reconcile(run, item).finally(() => {
          run.running--;
          run.progressMs = clock.now();
          run.wake();
        });
      }
      if (!recording && this.#recorders.some((recorder) => recorder.pending)) {
        recording = Promise.all(this.#recorders.map((recorder) => recorder.flush())).finally(() => {
          recording = undefined;
          run.wake();
        });
      }
      if (run.running === 0 && !reading && (tired || (!this.#look && !this.#queue.hasReady))) {
        this.#settle(tired);
        if (!recording) return;
      }
      await woken;
    }
  }

  /** Makes durable what waits and arms the alarm for it, in one turn. */
  #settle(everything: boolean): void {
    const nowMs = this.#options.clock.now();
    this.#queue.persist(nowMs, everything);
    let next = this.#queue.ripen(nowMs);
    if (this.#queue.hasReady || (everything && this.#look)) next = nowMs;
    if (this.#feedRetryMs !== undefined) next = Math.min(next ?? this.#feedRetryMs, this.#feedRetryMs);
    if (next !== undefined) next = Math.max(next, this.#alarmFloorMs);
    if (next === this.#armedMs) return;
    this.#options.alarm.set(next);
    this.#armedMs = next;
  }

  async #reconcile(run: Run, item: Item): Promise<void> {
    const { clock, log } = this.#options;
    const found = this.#controllers.get(item.controller);
    let result: Result | undefined;
    try {
      // A row of a controller that an earlier version had: nothing to do.
      result = found ? await found.controller.reconcile(item.key, found.context) : {};
    } catch (error) {
      const fields = { controller: item.controller, key: item.key, failures: item.failures + 1, error: String(error) };
      if (error instanceof ApiError && error.reason === 'Conflict') log.debug('reconcile conflict', fields);
      else log.warn('reconcile failed', fields);
    }
    if (this.#run !== run) return;
    const nowMs = clock.now();
    if (!result) {
      const failures = item.failures + 1;
      this.#queue.finish(item, { dueMs: nowMs + backoffMs(failures), failures }, nowMs);
      return;
    }
    const after = result.requeueAfterMs;
    const dueMs = after === undefined ? undefined : nowMs + Math.max(0, Math.ceil(after));
    this.#queue.finish(item, { dueMs, failures: 0 }, nowMs);
  }

  async #readFeed(run: Run): Promise<void> {
    const { clock, feed, log } = this.#options;
    try {
      for (;;) {
        const after = this.#queue.position;
        const { life } = this.#queue;
        const page = await feed.changes(after, this.#interest, feedPage, life);
        if (this.#run !== run) return;
        // A ledger that is behind the cursor is another ledger.
        const reset = page.reset || page.current < after;
        if (reset) await this.#relist(page.reset && page.life === life ? this.#queue.stored : 0);
        else await this.#enqueue(page.changes, after);
        if (this.#run !== run) return;
        run.progressMs = clock.now();
        this.#queue.position = reset ? page.current : page.through;
        this.#queue.life = page.life;
        run.wake();
        if (this.#queue.position >= page.current) break;
        if (clock.now() - run.startMs > (this.#options.stretchMs ?? stretchMsDefault)) {
          this.#look = true;
          break;
        }
      }
      this.#feedFailures = 0;
      this.#feedRetryMs = undefined;
    } catch (error) {
      this.#feedFailures++;
      this.#feedRetryMs = clock.now() + Math.max(100, backoffMs(this.#feedFailures, { baseMs: 100, maxMs: 60_000 }));
      log.warn('reading the feed failed', { error: String(error), failures: this.#feedFailures });
    }
  }

  async #enqueue(changes: readonly ObjectChange[], since: number): Promise<void> {
    const asked: Promise<void>[] = [];
    for (const change of changes) {
      const name = groupResource(change.resource);
      for (const { controller, context } of this.#controllers.values()) {
        for (const source of controller.sources) {
          if (groupResource(source.resource) !== name) continue;
          asked.push(this.#add(controller.name, async () => source.keys(change, context.client), since));
        }
      }
    }
    await Promise.all(asked);
  }

  async #add(controller: string, keys: () => Promise<string[]>, since: number): Promise<void> {
    try {
      for (const key of await keys()) this.#queue.add(controller, key, since, this.#options.clock.now());
    } catch (error) {
      if (this.#feedFailures < keysAttemptsMax) throw error;
      this.#options.log.error('a change is passed over', { controller, error: String(error) });
    }
  }

  /** History is gone: every object that is of interest counts as changed. One kind at a time: all may be much. */
  async #relist(since: number): Promise<void> {
    for (const [kind, resource] of this.#resources)
      for (const query of queriesOf(this.#interest, kind)) {
        const objects = await this.#options.client.list(resource, query);
        const changes = objects.map(
          (object): ObjectChange => ({
            type: 'put',
            resource,
            revision: Number(object.metadata.resourceVersion),
            object,
          }),
        );
        await this.#enqueue(changes, since);
      }
  }
}
