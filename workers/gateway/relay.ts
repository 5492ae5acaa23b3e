// How the API server hands an authorised stream to the gateway: a response whose header names the node and the offer.
import type { StreamOffer } from '../../src/protocol/node.ts';

export const relayHeader = 'tiffin-relay';

export interface RelayTarget {
  node: string;
  offer: StreamOffer;
}

export function relayResponse(target: RelayTarget): Response {
  return new Response(null, { status: 200, headers: { [relayHeader]: encodeURIComponent(JSON.stringify(target)) } });
}

export function relayTarget(response: Response): RelayTarget | undefined {
  const text = response.headers.get(relayHeader);
  return text === null ? undefined : (JSON.parse(decodeURIComponent(text)) as RelayTarget);
}
