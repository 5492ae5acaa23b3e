// The Durable Object of one node: its mailbox, dead-man switch and stream relay (src/node-link) on the runtime.
import { DurableObject } from 'cloudflare:workers';
import { ApiError, errors, toStatus } from '../../src/machinery/errors.ts';
import { asApiError, type Outcome, statusResponse, unwrap } from '../../src/machinery/outcome.ts';
import { type LinkState, NodeLinkCore, type NodeNews, type Upstream } from '../../src/node-link/link.ts';
import { NodeRequests, nodePath } from '../../src/node-link/requests.ts';
import { type AgentSocket, StreamRelay } from '../../src/node-link/streams.ts';
import { logOffer, streamRefusal } from '../../src/protocol/streams.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerTimers } from '../adapters/ambient.ts';
import { callObject } from '../adapters/stubs.ts';
import type { ApiServerObject } from '../api-server/object.ts';
import { clusterConfig, type Env, mainObject } from '../env.ts';

/** How long a client waits for the agent, beyond the heartbeat at which it learns of the stream at the latest. */
const streamWaitMs = 5_000;
const log = workerLog('node-link');

export class NodeLinkObject extends DurableObject<Env> {
  readonly #config;
  readonly #alarm: DurableAlarm;
  readonly #streams = new StreamRelay(workerTimers, log);
  #core: NodeLinkCore | undefined;
  readonly #requests: NodeRequests;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = clusterConfig(env);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
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
      if (pathname === '/open') return await this.#open(request);
      const asked = nodePath(pathname);
      if (!asked) throw new ApiError('NotFound', 'the server could not find the requested resource');
      await this.#requests.authenticate(request, asked.node);
      if (asked.what.startsWith('streams/')) return await this.#attach(request, asked.what.slice('streams/'.length));
      return await this.#requests.answer(request, asked.node, asked.what);
    } catch (error) {
      return statusResponse(asApiError(log, `${request.method} ${pathname}`, error));
    }
  }

  /** Something that concerns this node was committed. Answers what the node has acknowledged. */
  poke(revision: number): { serviceRevision: number } {
    return this.#core?.poke(revision) ?? { serviceRevision: 0 };
  }

  /** The node's credential was replaced or revoked: whoever came in with it has to go. */
  credentialChanged(): void {
    this.#requests.credentialChanged();
    this.#streams.hangUp();
  }

  /** Last sign of life, or the start of this object where that is later; undefined: no agent has ever been heard. */
  lastContact(): number | undefined {
    return this.#core?.lastContact();
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

  async #open(request: Request): Promise<Response> {
    const offer = logOffer.parse(await request.json());
    if (!this.#core)
      return statusResponse(new ApiError('Timeout', `no agent has ever been heard from the node of "${offer.pod}"`));
    const waitMs = streamWaitMs + (this.#config.longPoll === 'always' ? 0 : this.#config.nodeHeartbeatMs);
    return this.#streams.open(offer, this.#core, waitMs, request.signal);
  }

  async #refuse(request: Request, id: string): Promise<Response> {
    const { status } = streamRefusal.parse(await request.json());
    const socket: AgentSocket = {
      send: () => {},
      close: () => {},
      listen: ({ message }) => message(JSON.stringify({ status })),
    };
    if (!this.#streams.attach(id, socket)) throw new ApiError('Gone', 'nobody waits for this stream');
    return Response.json({});
  }

  async #attach(request: Request, id: string): Promise<Response> {
    if (request.method === 'POST') return this.#refuse(request, id);
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      throw errors.badRequest('a stream is opened with a WebSocket');
    const { 0: theirs, 1: ours } = new WebSocketPair();
    ours.accept();
    ours.binaryType = 'arraybuffer';
    if (!this.#streams.attach(id, agentSocket(ours))) {
      ours.send(JSON.stringify({ status: toStatus(new ApiError('Gone', 'nobody waits for this stream')) }));
      ours.close(1000, 'gone');
    }
    return new Response(null, { status: 101, webSocket: theirs });
  }
}

function agentSocket(socket: WebSocket): AgentSocket {
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => {
      try {
        socket.close(code, reason);
      } catch {
        // It is closed already.
      }
    },
    listen(on) {
      let over = false;
      const closed = (): void => {
        if (over) return;
        over = true;
        on.closed();
      };
      socket.addEventListener('message', ({ data }) =>
        on.message(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
      );
      socket.addEventListener('close', () => {
        closed();
        try {
          socket.close(1000, 'done');
        } catch {
          // Closed from this side.
        }
      });
      socket.addEventListener('error', closed);
    },
  };
}
