// How the API server hands an authorised stream to the gateway: a response whose header names the node and the offer.
import { HttpAnswer } from '../../src/machinery/http.ts';
import type { StreamOffer } from '../../src/protocol/node.ts';

export const relayHeader = 'tiffin-relay';

export interface RelayTarget {
  node: string;
  offer: StreamOffer;
}

export function relayAnswer(target: RelayTarget): HttpAnswer {
  return new HttpAnswer(null, { headers: { [relayHeader]: encodeURIComponent(JSON.stringify(target)) } });
}

export function relayTarget(response: Response): RelayTarget | undefined {
  const text = response.headers.get(relayHeader);
  return text === null ? undefined : (JSON.parse(decodeURIComponent(text)) as RelayTarget);
}
