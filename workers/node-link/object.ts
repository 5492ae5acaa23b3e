// The Durable Object of one node: its mailbox, dead-man switch and the streams that it may take (src/node-link) on the runtime.
import { DurableObject } from 'cloudflare:workers';
import { ApiError } from '../../src/machinery/errors.ts';
import { asApiError, type Outcome, outcome, statusResponse, unwrap } from '../../src/machinery/outcome.ts';
import type { NodeUsageRates } from '../../src/machinery/usage.ts';
import { type LinkState, NodeLinkCore, type NodeNews, type Upstream } from '../../src/node-link/link.ts';
import { NodeRequests, nodePath } from '../../src/node-link/requests.ts';
import { type LetIn, OfferedStreams } from '../../src/node-link/streams.ts';
import type { StreamOffer } from '../../src/protocol/streams.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerTimers } from '../adapters/ambient.ts';
import { callObject } from '../adapters/stubs.ts';
import type { ApiServerObject } from '../api-server/object.ts';
import { clusterConfig, type Env, mainObject } from '../env.ts';
import { cut, isJoined } from '../rendezvous/meeting.ts';

/** How long a client waits for the agent, beyond the heartbeat at which it learns of the stream at the latest. */
const streamWaitMs = 5_000;
const log = workerLog('node-link');

export class NodeLinkObject extends DurableObject<Env> {
  readonly #config;
  readonly #alarm: DurableAlarm;
  readonly #streams: OfferedStreams;
  #core: NodeLinkCore | undefined;
  readonly #requests: NodeRequests;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = clusterConfig(env);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
    const meetings = { isJoined: (id: string) => isJoined(env, id), cut: (id: string) => cut(env, id) };
    this.#streams = new OfferedStreams(workerTimers, meetings, letIn(ctx.storage));
    this.#requests = new NodeRequests(
      {
        nodeOfCredential: (token) => this.#apiServer<string | null>((stub) => stub.nodeOfCredential(token), true),
        report: (node, writes) => this.#apiServer((stub) => stub.report(node, writes)),
        signServing: (node, csr) => this.#apiServer((stub) => stub.signServing(node, csr)),
      },
      workerTimers,
      (node) => this.#of(node),
    );
    const state = ctx.storage.kv.get<LinkState>('state');
    if (state) this.#core = this.#build(state);
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    try {
      const asked = nodePath(pathname);
      if (!asked) throw new ApiError('NotFound', 'the server could not find the requested resource');
      await this.#requests.authenticate(request, asked.node);
      return await this.#requests.answer(request, asked.node, asked.what);
    } catch (error) {
      return statusResponse(asApiError(log, `${request.method} ${pathname}`, error));
    }
  }

  /** Something that concerns this node was committed. Answers what the node has acknowledged. */
  poke(revision: number): { serviceRevision: number } {
    return this.#core?.poke(revision) ?? { serviceRevision: 0 };
  }

  /** The node's credential was replaced or revoked: whoever came in with it is gone when this resolves. */
  async credentialChanged(): Promise<void> {
    this.#requests.credentialChanged();
    await this.#streams.hangUp(this.#core);
  }

  /** A client waits for the node's half of a stream. How long it should. */
  offer(offer: StreamOffer): Promise<Outcome<{ waitMs: number }>> {
    return outcome(log, 'an offer of a stream', () => {
      if (!this.#core) throw new ApiError('Timeout', 'no agent has ever been heard from the node');
      const waitMs = streamWaitMs + (this.#config.longPoll === 'always' ? 0 : this.#config.nodeHeartbeatMs);
      this.#streams.offer(this.#core, offer, waitMs);
      this.#requests.streamOffered();
      return { waitMs };
    });
  }

  withdraw(id: string): void {
    this.#streams.withdraw(this.#core, id);
  }

  /** The agent brings its half of a stream, or refuses it. A refusal says why not. */
  claim(node: string, id: string, authorization: string, takes: boolean): Promise<Outcome<void>> {
    return outcome(log, 'a claim of a stream', async () => {
      await this.#requests.authenticate({ headers: new Headers({ authorization }) }, node);
      const core = this.#of(node);
      core.heard();
      await this.#streams.claim(core, id, takes);
    });
  }

  /** Last sign of life, or the start of this object where that is later; undefined: no agent has ever been heard. */
  lastContact(): number | undefined {
    return this.#core?.lastContact();
  }

  /** What the node and its pods use, by what the agent has reported of late. */
  usage(): NodeUsageRates {
    return this.#core?.usage() ?? { pods: [] };
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarm.fired(info);
    await this.#core?.alarm();
  }

  #of(node: string): NodeLinkCore {
    this.#core ??= this.#build({ node, contact: 'unknown' });
    return this.#core;
  }

  #build(state: LinkState): NodeLinkCore {
    const upstream: Upstream = {
      changes: (request) => this.#apiServer((stub) => stub.nodeNews(request) as Promise<Outcome<NodeNews>>, true),
      silent: (node, lastContactMs) => this.#contactChanged(node, lastContactMs, true),
      alive: (node, contactMs) => this.#contactChanged(node, contactMs, false),
    };
    return new NodeLinkCore({
      state,
      save: (next) => this.ctx.storage.kv.put('state', next),
      timers: workerTimers,
      alarm: this.#alarm,
      log,
      config: this.#config,
      upstream,
    });
  }

  async #contactChanged(node: string, atMs: number, silent: boolean): Promise<void> {
    await callObject(this.env.CONTROLLER_MANAGER, mainObject, (stub) => stub.nodeContactChanged(node, atMs, silent), {
      idempotent: true,
    });
  }

  async #apiServer<T>(
    call: (stub: DurableObjectStub<ApiServerObject>) => Promise<unknown>,
    idempotent = false,
  ): Promise<T> {
    return unwrap((await callObject(this.env.API_SERVER, mainObject, call, { idempotent })) as Outcome<T>);
  }
}

const streamKey = 'stream/';

/** One row for each stream, whose answer does not wait for it to be on disk. */
function letIn(storage: DurableObjectStorage): LetIn {
  const quickly = { allowUnconfirmed: true };
  const lost = (error: unknown): void => log.warn('a stream was not noted', { error: String(error) });
  return {
    all: () => [...storage.kv.list({ prefix: streamKey })].map(([key]) => key.slice(streamKey.length)),
    add: (id) => void storage.put(streamKey + id, 1, quickly).catch(lost),
    remove: (ids) => {
      for (const id of ids) void storage.delete(streamKey + id, quickly).catch(lost);
    },
  };
}
