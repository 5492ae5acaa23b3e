// The Durable Object of one node: its mailbox, dead-man switch and stream relay (src/node-link) on the runtime. Checks the
// node's credential with the API server, and remembers the answer until the credential changes or a minute has passed.
import { DurableObject } from 'cloudflare:workers';
import { ApiError, errors, toStatus } from '../../src/machinery/errors.ts';
import { type LinkState, NodeLinkCore, type NodeNews, type Upstream } from '../../src/node-link/link.ts';
import { type AgentSocket, StreamRelay } from '../../src/node-link/streams.ts';
import {
  certificateRequest,
  reportRequest,
  type StreamOffer,
  streamOffer,
  syncRequest,
} from '../../src/protocol/node.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerTimers } from '../adapters/ambient.ts';
import { asApiError, type Outcome, statusResponse, unwrap } from '../adapters/outcome.ts';
import { callObject } from '../adapters/stubs.ts';
import type { ApiServerObject } from '../api-server/object.ts';
import { clusterConfig, type Env, mainObject } from '../env.ts';

const credentialMs = 60_000;
const bodyBytesMax = 4 * 1024 * 1024;
/** How long a client waits for the agent, beyond the heartbeat at which it learns of the stream at the latest. */
const streamWaitMs = 5_000;
const log = workerLog('node-link');

export class NodeLinkObject extends DurableObject<Env> {
  readonly #config;
  readonly #alarm: DurableAlarm;
  readonly #streams = new StreamRelay(workerTimers, log);
  #core: NodeLinkCore | undefined;
  #credential: { token: string; untilMs: number } | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = clusterConfig(env);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
    const state = ctx.storage.kv.get<LinkState>('state');
    if (state) this.#core = this.#build(state);
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    try {
      if (pathname === '/open') return await this.#open(request);
      const [, node = '', rest = ''] = /^\/tiffin\.dev\/v1\/nodes\/([^/]+)\/(.*)$/.exec(pathname) ?? [];
      await this.#authenticate(request, node);
      const core = this.#of(node);
      if (rest === 'sync') {
        const body = syncRequest.safeParse(await json(request));
        if (!body.success) throw errors.badRequest(`not a sync request: ${body.error.message}`);
        return Response.json(await core.sync(body.data, request.signal));
      }
      if (rest === 'report') {
        const body = reportRequest.safeParse(await json(request));
        if (!body.success) throw errors.badRequest(`not a report: ${body.error.message}`);
        core.heard();
        return Response.json(await this.#apiServer((stub) => stub.report(node, body.data.writes)));
      }
      if (rest === 'certificate') {
        const body = certificateRequest.safeParse(await json(request));
        if (!body.success) throw errors.badRequest('the body must be {"csr": PEM}');
        return Response.json(await this.#apiServer((stub) => stub.signServing(node, body.data.csr)));
      }
      if (rest.startsWith('streams/')) return this.#attach(request, rest.slice('streams/'.length));
      throw new ApiError('NotFound', 'the server could not find the requested resource');
    } catch (error) {
      return statusResponse(asApiError(log, `${request.method} ${pathname}`, error));
    }
  }

  /** Something that concerns this node was committed. Answers what the node has acknowledged. */
  poke(revision: number): { serviceRevision: number } {
    return this.#core?.poke(revision) ?? { serviceRevision: 0 };
  }

  /** The node's credential was replaced: what was known of it no longer counts. */
  credentialChanged(): void {
    this.#credential = undefined;
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

  async #authenticate(request: Request, node: string): Promise<void> {
    const [, token] = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? [];
    if (!token) throw errors.unauthorized();
    const known = this.#credential;
    if (known?.token === token && workerTimers.now() < known.untilMs) return;
    const owner = await this.#apiServer<string | null>((stub) => stub.nodeOfCredential(token), true);
    if (owner === null) throw errors.unauthorized();
    if (owner !== node) throw new ApiError('Forbidden', `node "${owner}" may not speak for node "${node}"`);
    this.#credential = { token, untilMs: workerTimers.now() + credentialMs };
  }

  async #open(request: Request): Promise<Response> {
    const offer: StreamOffer = streamOffer.parse(await request.json());
    if (!this.#core)
      return statusResponse(new ApiError('Timeout', `no agent has ever been heard from the node of "${offer.pod}"`));
    const waitMs = streamWaitMs + (this.#config.longPoll === 'always' ? 0 : this.#config.nodeHeartbeatMs);
    return this.#streams.open(offer, this.#core, waitMs, request.signal);
  }

  #attach(request: Request, id: string): Response {
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

async function json(request: Request): Promise<unknown> {
  if (request.method !== 'POST') throw new ApiError('MethodNotAllowed', 'POST is the only method here');
  const text = await request.text();
  if (text.length > bodyBytesMax) throw errors.tooLarge(`the request is larger than ${bodyBytesMax} bytes`);
  try {
    return JSON.parse(text);
  } catch {
    throw errors.badRequest('the body is not JSON');
  }
}
