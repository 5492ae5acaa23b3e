// API Priority and Fairness: every request is classified into a flow and a priority level, waits there for seats if it must,
// or is turned away with 429. Between authentication and authorisation.
//
// A seat is held until the head of the answer is ready, and on for as long as the answer's body is still being made
// (`extend`): what is limited is how many requests are under way at once, in memory and in the commit queue. As one thread
// serves all of them, a level is limited in what it does in one turn of the event loop as well (turns.ts).
//
// Limits follow the ledger's changes; nothing here ticks: lending is looked at when a request comes, if it has not been for
// a while, and a timer runs only for whoever waits.

import { flowSchemas, priorityLevelConfigurations } from '../../generated/schemas/index.ts';
import type { Change } from '../../ledger/types.ts';
import { HttpAnswer } from '../../machinery/http.ts';
import { groupResource, type KubeObject, type ResourceToken } from '../../machinery/meta.ts';
import type { Timers } from '../../ports/index.ts';
import type { Client } from '../../reconcile/types.ts';
import { type Core, timestamp, type User } from '../core.ts';
import type { RequestInfo } from '../routing.ts';
import { decode } from '../storage/codec.ts';
import { keyRange } from '../storage/read.ts';
import { type BoundSchema, Configuration } from './configuration.ts';
import { danglingCondition, statusOf } from './dangling.ts';
import { dump } from './dumps.ts';
import type { Level } from './level.ts';
import { Ticket } from './queue-set.ts';
import { StoredCounts } from './stored.ts';
import { requestMs, TimeLimits, timeLimitMs } from './time-limits.ts';
import { Turns } from './turns.ts';
import { estimate, type WorkFacts } from './work.ts';

export interface Call {
  info: RequestInfo;
  user: User;
  query: URLSearchParams;
  /** Its signal is aborted when the client goes away. */
  request: { readonly signal: AbortSignal };
}

/** Keeps the request under way until the function that it returns is called. */
export type Extend = () => () => void;

const adjustMs = 10_000;
/** Of the time that a request has, it may spend this much waiting. */
const waitShare = 1 / 4;
const longSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
/** Names of objects of both kinds. */
const mandatory = new Set(['exempt', 'catch-all']);
const notExtended: Extend = () => () => {};

export class FlowControl {
  readonly #core: Core;
  readonly #client: Client;
  readonly #timers: Timers | undefined;
  readonly #turns: Turns;
  readonly #limits: TimeLimits;
  readonly #configuration: Configuration;
  readonly #stored: StoredCounts;
  readonly #facts: WorkFacts;
  readonly #prefixes: readonly string[];
  readonly #enabled: boolean;
  #loaded = false;
  #adjustedMs = 0;
  #reported: Promise<void> = Promise.resolve();

  constructor(options: {
    core: Core;
    /** Writes conditions of flow schemas. */
    client: Client;
    timers: Timers | undefined;
    /** Open watches of a group resource. */
    watchers(resource: string): number;
  }) {
    const { core, timers } = options;
    this.#core = core;
    this.#client = options.client;
    this.#timers = timers;
    this.#turns = new Turns(timers);
    this.#limits = new TimeLimits(timers);
    this.#stored = new StoredCounts(core.ledger);
    this.#prefixes = [flowSchemas, priorityLevelConfigurations].map((token) => `${groupResource(token)}/`);
    this.#enabled = this.#serves(flowSchemas) && this.#serves(priorityLevelConfigurations);
    this.#facts = {
      stored: (group, resource) =>
        core.registry.findGroupResource(groupResource({ group, plural: resource }))
          ? this.#stored.of(groupResource({ group, plural: resource }))
          : undefined,
      watchers: (group, resource) => options.watchers(groupResource({ group, plural: resource })),
    };
    this.#configuration = new Configuration({
      clock: core.clock,
      later: (delayMs, then) => (timers ? void timers.after(delayMs, then) : then()),
      seatsTotal: core.config.requestsInFlightMax,
      mandatory: { flowSchemas: this.#mandatory(flowSchemas), levels: this.#mandatory(priorityLevelConfigurations) },
    });
    if (this.#enabled) core.ledger.subscribe((changes) => this.#committed(changes));
  }

  /** What /metrics tells of. */
  get levels(): Iterable<Level> {
    this.#load();
    return this.#configuration.levels.values();
  }

  /** A page below /debug/api_priority_and_fairness; undefined: there is none of that path. */
  dump(path: string, query: URLSearchParams): string | undefined {
    return this.#enabled ? dump(this.levels, path, query) : undefined;
  }

  /** Answers by `handle` when it is the request's turn, or with 429. */
  async serve(call: Call, handle: (extend: Extend) => Promise<HttpAnswer>): Promise<HttpAnswer> {
    if (!this.#enabled || isUntracked(call.info)) return handle(notExtended);
    this.#load();
    const schema = this.#configuration.classifier.classify(call.user, call.info) ?? this.#configuration.catchAll;
    if (!schema) return handle(notExtended);
    const { level } = schema;
    const ticket = this.#ticket(call, schema);
    const outcome = level.queues.start(ticket);
    if (outcome === 'rejected' || (outcome === 'waiting' && !(await this.#wait(level, ticket, call))))
      return this.#tooMany(schema);
    const turn = level.exempt ? undefined : this.#turns.enter(level.line, ticket.flow, ticket.work.seats);
    if (turn) await turn;
    return this.#execute(schema, ticket, handle, timeLimitMs(call.query));
  }

  async #execute(
    schema: BoundSchema,
    ticket: Ticket,
    handle: (extend: Extend) => Promise<HttpAnswer>,
    limitMs: number,
  ): Promise<HttpAnswer> {
    const { level } = schema;
    let holders = 0;
    const hold = () => {
      holders++;
      let held = true;
      return () => {
        if (held && --holders === 0) level.queues.finish(ticket);
        held = false;
      };
    };
    // A body that nobody reads on does not keep its seat for ever.
    const extend: Extend = () => {
      const release = hold();
      const cancel = level.exempt ? undefined : this.#timers?.after(requestMs, release);
      return () => {
        cancel?.();
        release();
      };
    };
    const release = hold();
    try {
      return marked(await this.#limits.within(limitMs, handle(extend)), schema);
    } finally {
      release();
    }
  }

  #ticket({ info, user, query }: Call, { name, level, spec, tally }: BoundSchema): Ticket {
    const now = this.#core.clock.now();
    if (now - this.#adjustedMs >= adjustMs) {
      this.#adjustedMs = now;
      this.#configuration.adjust();
    }
    const method = level.queueCount > 1 ? spec.distinguisherMethod?.type : undefined;
    const distinguisher = method === 'ByUser' ? user.name : method === 'ByNamespace' ? info.namespace : '';
    const work = estimate(info, query, level.requestSeatsMax, this.#facts);
    return new Ticket(name, distinguisher, info, user, tally, work);
  }

  /** Whether it is served in the end. */
  #wait({ queues }: Level, ticket: Ticket, { info, query, request }: Call): Promise<boolean> {
    const { signal } = request;
    return new Promise((resolve) => {
      const giveUp = (reason: 'time-out' | 'cancelled') => {
        if (queues.leave(ticket, reason)) done(false);
      };
      const cancel = this.#timers?.after(waitMs(info, query), () => giveUp('time-out'));
      const onAbort = () => giveUp('cancelled');
      signal.addEventListener('abort', onAbort);
      const done = (execute: boolean) => {
        cancel?.();
        signal.removeEventListener('abort', onAbort);
        resolve(execute);
      };
      ticket.decided = done;
    });
  }

  #tooMany(schema: BoundSchema): HttpAnswer {
    const { retryAfter } = schema.level;
    retryAfter.dropped(this.#core.clock.now());
    return marked(
      new HttpAnswer('Too many requests, please try again later.\n', {
        status: 429,
        headers: {
          'Content-Type': 'text/plain; charset=utf-8',
          'X-Content-Type-Options': 'nosniff',
          'Cache-Control': 'no-cache, private',
          'Retry-After': String(retryAfter.seconds),
        },
      }),
      schema,
    );
  }

  /** Follows the objects; only the first call, and the first after a change, does anything. */
  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    this.#adjustedMs = this.#core.clock.now();
    this.#configuration.load(this.#objects(flowSchemas), this.#objects(priorityLevelConfigurations));
  }

  // In the turn of the commit.
  #committed(changes: readonly Change[]): void {
    let touched = false;
    for (const change of changes) {
      this.#stored.changed(change);
      touched ||= this.#prefixes.some((prefix) => change.key.startsWith(prefix));
    }
    if (!touched) return;
    this.#loaded = false;
    void this.reportDangling();
  }

  /** Corrects the conditions of flow schemas. Never rejects. */
  reportDangling(): Promise<void> {
    // One after the other: each looks at what is there when its turn comes.
    this.#reported = this.#reported
      .then(() => this.#report())
      .catch((error) =>
        this.#core.log.error('conditions of flow schemas could not be written', { error: String(error) }),
      );
    return this.#reported;
  }

  async #report(): Promise<void> {
    if (!this.#enabled) return;
    this.#load();
    const now = timestamp(this.#core.clock.now());
    const present = new Set(this.#objects(priorityLevelConfigurations).map(({ metadata }) => metadata.name));
    const writes = this.#objects(flowSchemas).flatMap((flowSchema) => {
      const level = flowSchema.spec?.priorityLevelConfiguration?.name ?? '';
      const condition = danglingCondition(flowSchema, present.has(level) && this.#configuration.has(level), now);
      return condition ? [statusOf(flowSchema, condition)] : [];
    });
    // One that was deleted meanwhile is refused: of that there will be news.
    if (writes.length > 0) await this.#client.write(writes);
  }

  #serves(token: ResourceToken): boolean {
    return this.#core.registry.find(token.group, token.version, token.plural) !== undefined;
  }

  #objects<T extends KubeObject>(token: ResourceToken<T>): T[] {
    const definition = this.#core.registry.require(token);
    return this.#core.ledger.range(keyRange(definition)).entries.map((entry) => decode<T>(definition, entry.value));
  }

  /** What every cluster holds of the kind and cannot do without. */
  #mandatory<T extends KubeObject & { spec: unknown }>(token: ResourceToken<T>): { name: string; spec: T['spec'] }[] {
    const definition = this.#core.registry.find(token.group, token.version, token.plural);
    const objects = definition?.bootstrap?.objects(this.#core.config) ?? [];
    return (objects as unknown as readonly T[])
      .filter(({ metadata }) => mandatory.has(metadata.name))
      .map(({ metadata, spec }) => ({ name: metadata.name, spec }));
  }
}

/** What runs for long and is no watch is not counted at all. */
function isUntracked({ verb, isResource, subresource }: RequestInfo): boolean {
  return verb === 'proxy' || (isResource && verb !== 'watch' && longSubresources.has(subresource));
}

/** How long a request may wait: part of the time that it has in all, of which watches have no limit of their own. */
function waitMs({ verb }: RequestInfo, query: URLSearchParams): number {
  return (verb === 'watch' ? requestMs : timeLimitMs(query)) * waitShare;
}

function marked(answer: HttpAnswer, { uid, level }: BoundSchema): HttpAnswer {
  return answer
    .setHeader('X-Kubernetes-PF-FlowSchema-UID', uid)
    .setHeader('X-Kubernetes-PF-PriorityLevel-UID', level.uid);
}
