// The HTTP side of a node's link: what the agent asks for under /tiffin.dev/v1/nodes/NODE/, but streams. Checks the node's
// credential with the API server, and remembers the answer until the credential changes or a minute has passed.
import { readJson } from '../machinery/body.ts';
import { ApiError, errors } from '../machinery/errors.ts';
import { TokenBucket } from '../machinery/token-bucket.ts';
import type { Clock } from '../ports/index.ts';
import {
  type CertificateResponse,
  certificateRequest,
  type NodeWrite,
  type ReportResponse,
  reportRequest,
  type SyncRequest,
  type SyncResponse,
  syncRequest,
} from '../protocol/node.ts';
import type { NodeLinkCore } from './link.ts';

/** What the API server does for an agent, asked by its link. Refusals are thrown as ApiErrors. */
export interface NodeApi {
  /** null: nobody's. */
  nodeOfCredential(token: string): Promise<string | null>;
  report(node: string, writes: NodeWrite[]): Promise<ReportResponse>;
  signServing(node: string, csr: string): Promise<CertificateResponse>;
}

const credentialMs = 60_000;
/** Why a poll was ended. */
const revoked = new Error('the credential was revoked');
const bodyBytesMax = 4 * 1024 * 1024;
/** Of one node. An agent sends some in a second, even when all of its pods start together. */
const requestRate = { qps: 100, burst: 1000 };
/** To hear of it and to come for it: of as many as wait at once (streamsMax), the burst has room for all. */
const requestsPerStream = 2;
/** Polls of one node that are held at once; an agent holds one, and another when it comes back. */
const heldMax = 16;

export class NodeRequests {
  readonly #api: NodeApi;
  readonly #clock: Clock;
  readonly #core: (node: string) => NodeLinkCore;
  /** Polls that are held. */
  readonly #held = new Set<AbortController>();
  readonly #rate: TokenBucket;
  #credential: { token: string; node: string; untilMs: number } | undefined;

  /** `core`: the link's core, made at the first request that proves to come from the node. */
  constructor(api: NodeApi, clock: Clock, core: (node: string) => NodeLinkCore) {
    this.#api = api;
    this.#clock = clock;
    this.#rate = new TokenBucket(requestRate, clock.now());
    this.#core = core;
  }

  /** The node's credential was replaced or revoked: what was known of it no longer counts, and a poll that is held ends. */
  credentialChanged(): void {
    this.#credential = undefined;
    for (const poll of this.#held) poll.abort(revoked);
  }

  /** The node is to come for a stream: what it asks because it was asked to is not held against it. */
  streamOffered(): void {
    this.#rate.give(requestsPerStream, this.#clock.now());
  }

  /** Throws ApiErrors. */
  async answer(request: Request, node: string, what: string): Promise<Response> {
    const core = this.#core(node);
    if (what === 'sync') {
      const body = syncRequest.safeParse(await json(request));
      if (!body.success) throw errors.badRequest(`not a sync request: ${body.error.message}`);
      return Response.json(await this.#sync(core, body.data, request.signal));
    }
    if (what === 'report') {
      const body = reportRequest.safeParse(await json(request));
      if (!body.success) throw errors.badRequest(`not a report: ${body.error.message}`);
      core.heard();
      return Response.json(await this.#api.report(node, body.data.writes));
    }
    if (what === 'certificate') {
      const body = certificateRequest.safeParse(await json(request));
      if (!body.success) throw errors.badRequest('the body must be {"csr": PEM}');
      return Response.json(await this.#api.signServing(node, body.data.csr));
    }
    throw new ApiError('NotFound', 'the server could not find the requested resource');
  }

  /** What comes up while a poll is held is not for whoever has lost his credential meanwhile. */
  async #sync(core: NodeLinkCore, request: SyncRequest, cancelled: AbortSignal): Promise<SyncResponse> {
    if (this.#held.size >= heldMax) throw errors.tooManyRequests('the node polls too often at once');
    const poll = new AbortController();
    const give = (): void => poll.abort();
    cancelled.addEventListener('abort', give);
    if (cancelled.aborted) give();
    this.#held.add(poll);
    try {
      const answer = await core.sync(request, poll.signal);
      if (poll.signal.reason === revoked) throw errors.unauthorized();
      return answer;
    } finally {
      this.#held.delete(poll);
      cancelled.removeEventListener('abort', give);
    }
  }

  /** Throws unless the request bears the node's own credential, and for a node that asks too much. */
  async authenticate(request: Pick<Request, 'headers'>, node: string): Promise<void> {
    await this.#authenticate(request, node);
    if (!this.#rate.take(this.#clock.now()))
      throw errors.tooManyRequests('the node asks more than the cluster allows one');
  }

  async #authenticate(request: Pick<Request, 'headers'>, node: string): Promise<void> {
    const token = bearerOf(request);
    const known = this.#credential;
    if (known?.token === token && known.node === node && this.#clock.now() < known.untilMs) return;
    const owner = await this.#api.nodeOfCredential(token);
    speaksFor(owner, node);
    this.#credential = { token, node, untilMs: this.#clock.now() + credentialMs };
  }
}

/** Throws Unauthorized without one. */
export function bearerOf({ headers }: Pick<Request, 'headers'>): string {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  if (!token) throw errors.unauthorized();
  return token;
}

/** `owner`: whose the credential is, null for nobody's. Throws Unauthorized or Forbidden unless it is the node's own. */
export function speaksFor(owner: string | null, node: string): void {
  if (owner === null) throw errors.unauthorized();
  if (owner !== node) throw new ApiError('Forbidden', `node "${owner}" may not speak for node "${node}"`);
}

/** Of what a node asks for: the stream whose half it brings, or that it refuses. */
export function streamPath(what: string): string | undefined {
  return /^streams\/([A-Za-z0-9-]{1,64})$/.exec(what)?.[1];
}

/** The node and what it asks for, of a path of the node protocol. Names are as they stand: nothing is decoded. */
export function nodePath(pathname: string): { node: string; what: string } | undefined {
  const [, node, what] = /^\/tiffin\.dev\/v1\/nodes\/([a-z0-9.-]+)\/(.*)$/.exec(pathname) ?? [];
  return node === undefined || what === undefined ? undefined : { node, what };
}

async function json(request: Request): Promise<unknown> {
  if (request.method !== 'POST') throw new ApiError('MethodNotAllowed', 'POST is the only method here');
  return readJson(request, bodyBytesMax);
}
