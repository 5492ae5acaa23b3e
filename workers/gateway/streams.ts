// Requests that become streams to a node: the API server authorises them and says to where, the node's link is offered the
// stream, and the client is taken to its rendezvous. A client that is a WebSocket is joined with the agent there; one that speaks
// HTTP is translated here (src/relay).

import { readJson } from '../../src/machinery/body.ts';
import { errors } from '../../src/machinery/errors.ts';
import { type Outcome, statusResponse, unwrap } from '../../src/machinery/outcome.ts';
import { streamPath } from '../../src/node-link/requests.ts';
import { protocolHeader, type StreamTarget, streamRefusal } from '../../src/protocol/streams.ts';
import { relay } from '../../src/relay/http.ts';
import { workerTimers } from '../adapters/ambient.ts';
import { chunks } from '../adapters/chunks.ts';
import { messageSocket } from '../adapters/socket.ts';
import { callObject } from '../adapters/stubs.ts';
import { type Env, mainObject } from '../env.ts';
import { cut, meet, refuse } from '../rendezvous/meeting.ts';
import { handedOver } from './handover.ts';

/** How long an agent waits for a client that its offer speaks of, which is on its way. */
const agentWaitMs = 10_000;
const refusalBytesMax = 256 * 1024;

const isUpgrade = (request: Request): boolean => request.headers.get('upgrade')?.toLowerCase() === 'websocket';
const proxyPath = /^\/api\/v1\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy(?:\/|$)/;

/** Keeps the runtime at something that nobody waits for. */
type Lasts = (work: Promise<void>) => void;

/** Anything that is the API server's; what it authorises as a stream is carried out. */
export async function toApiServer(request: Request, env: Env, lasts: Lasts): Promise<Response> {
  // The body of what is passed on is the target's: the API server does not read it.
  const passes = request.body !== null && proxyPath.test(new URL(request.url).pathname);
  const asked = passes ? withoutBody(request) : request;
  const response = await ask(env, asked);
  const target = handedOver(response);
  if (!target) return response;
  await response.body?.cancel();
  if (!('protocol' in target.offer) || target.offer.protocol === undefined) return relayed(request, target, env, lasts);
  if (!isUpgrade(request)) throw errors.badRequest('Upgrade request required');
  return open(env, target, request.signal);
}

const ask = (env: Env, request: Request): Promise<Response> =>
  callObject(env.API_SERVER, mainObject, (stub) => stub.fetch(request));

function withoutBody(request: Request): Request {
  const { method, url, headers, signal, cf } = request;
  const kept = new Headers(headers);
  for (const name of ['content-length', 'transfer-encoding']) kept.delete(name);
  return new Request(url, { method, headers: kept, signal, ...(cf ? { cf } : {}) });
}

function relayed(request: Request, target: StreamTarget, env: Env, lasts: Lasts): Promise<Response> {
  const bare = withoutBody(request);
  const { offer } = target;
  if (offer.kind === 'http') {
    offer.body = request.body !== null;
    const length = request.headers.get('content-length');
    offer.headers = offer.headers.filter(([name]) => name !== 'content-length');
    if (offer.body && length !== null) offer.headers.push(['content-length', length]);
  }
  return relay(target, {
    timers: workerTimers,
    open: async (at) => {
      // Once it is open, it is the relay that ends it with the client.
      const waiting = new AbortController();
      const leave = (): void => waiting.abort();
      request.signal.addEventListener('abort', leave);
      if (request.signal.aborted) leave();
      try {
        const answer = await open(env, at, waiting.signal);
        return answer.webSocket ? messageSocket(answer.webSocket) : answer;
      } finally {
        request.signal.removeEventListener('abort', leave);
      }
    },
    again: async () => {
      const response = await ask(env, bare.clone());
      return handedOver(response) ?? response;
    },
    pipe: (length) => (length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)),
    method: request.method,
    body: chunks(request.body),
    signal: request.signal,
    lasts,
  });
}

/** 101 once the agent has come, or why it does not. */
async function open(env: Env, { node, offer }: StreamTarget, signal: AbortSignal): Promise<Response> {
  const { waitMs } = unwrap(
    await callObject(env.NODE_LINK, node, async (link) => (await link.offer(offer)) as Outcome<{ waitMs: number }>),
  );
  // What a target behind a proxy chooses, only the agent hears.
  const protocol = 'protocol' in offer && offer.kind !== 'http' ? offer.protocol : undefined;
  const ended = (): Response => statusResponse(errors.unavailable(`the stream to node "${node}" was ended`));
  const answer = await meet(env, 'client', { id: offer.id, node, protocol, waitMs }, signal).catch(ended);
  if (!answer.webSocket) return answer;
  // As in the rendezvous: a client whose connection broke just now is noticed with the next turn, and later by nobody.
  await new Promise<void>((resolve) => workerTimers.after(0, resolve));
  if (!signal.aborted) return answer;
  await cut(env, offer.id);
  return ended();
}

/** The agent's half of a stream, or its refusal. Undefined: it asks for something else. */
export async function agentHalf(request: Request, env: Env, node: string, what: string): Promise<Response | undefined> {
  const id = streamPath(what);
  if (id === undefined) return undefined;
  const takes = request.method === 'GET';
  if (takes ? !isUpgrade(request) : request.method !== 'POST')
    throw errors.badRequest('a stream is taken with a WebSocket, and refused with a POST');
  const refusal = takes ? undefined : streamRefusal.safeParse(await readJson(request, refusalBytesMax));
  if (refusal?.success === false) throw errors.badRequest('the body must be {"status": Status}');
  const authorization = request.headers.get('authorization') ?? '';
  unwrap(
    await callObject(
      env.NODE_LINK,
      node,
      async (link) => (await link.claim(node, id, authorization, takes)) as Outcome<void>,
    ),
  );
  const protocol = request.headers.get(protocolHeader) ?? undefined;
  const half = { id, node, protocol, waitMs: agentWaitMs };
  return refusal ? refuse(env, half, refusal.data.status) : meet(env, 'agent', half, request.signal);
}
