// How the API server hands an authorised stream to the gateway: a response whose header names the node and the offer.
import { HttpAnswer } from '../../src/machinery/http.ts';
import type { StreamTarget } from '../../src/protocol/streams.ts';

export const relayHeader = 'tiffin-relay';

export function relayAnswer(target: StreamTarget): HttpAnswer {
  return new HttpAnswer(null, { headers: { [relayHeader]: encodeURIComponent(JSON.stringify(target)) } });
}

export function relayTarget(response: Response): StreamTarget | undefined {
  const text = response.headers.get(relayHeader);
  return text === null ? undefined : (JSON.parse(decodeURIComponent(text)) as StreamTarget);
}
