// How the gateway and the nodes' links speak with a stream's rendezvous.
import type { Env } from '../env.ts';

/** Of a stream. */
export interface Half {
  /** The stream's. */
  id: string;
  /** Both halves have to name the same one. */
  node: string;
  /** Of the client's half: what it is answered with, unless the agent's half names another. */
  protocol?: string | undefined;
  /** How long it waits for the other one. */
  waitMs: number;
}

const address = 'https://rendezvous';

// A call that failed is not made again: an object that broke has lost its halves, and its successor knows of none.
const at = ({ RENDEZVOUS }: Env, id: string) => RENDEZVOUS.get(RENDEZVOUS.idFromName(id));

export function halfOf(request: Request): Half {
  const query = new URL(request.url).searchParams;
  return {
    id: query.get('id') ?? '',
    node: query.get('node') ?? '',
    protocol: query.get('protocol') ?? undefined,
    waitMs: Number(query.get('waitMs')),
  };
}

const target = (path: string, { id, node, protocol, waitMs }: Half): string => {
  const query = new URLSearchParams({
    id,
    node,
    waitMs: String(waitMs),
    ...(protocol === undefined ? {} : { protocol }),
  });
  return `${address}${path}?${query}`;
};

/** 101 with a WebSocket once the other half has come, otherwise an error with a Status. `signal`: whoever waits has gone. */
export function meet(env: Env, side: 'client' | 'agent', half: Half, signal: AbortSignal): Promise<Response> {
  const request = new Request(target(`/${side}`, half), { headers: { upgrade: 'websocket' }, signal });
  return at(env, half.id).fetch(request);
}

/** The client is answered with the Status; 410 where nobody waits. */
export function refuse(env: Env, half: Half, status: Record<string, unknown>): Promise<Response> {
  const body = JSON.stringify({ status });
  return at(env, half.id).fetch(target('/refusal', half), { method: 'POST', body });
}

export async function isJoined(env: Env, id: string): Promise<boolean> {
  const response = await at(env, id).fetch(`${address}/joined`);
  return (await response.json()) === true;
}

/** Cuts both halves off. */
export async function cut(env: Env, id: string): Promise<void> {
  // The object dies of it, and so does the call.
  await at(env, id)
    .fetch(`${address}/abort`, { method: 'POST' })
    .catch(() => undefined);
}
