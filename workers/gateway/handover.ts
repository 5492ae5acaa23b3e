// How the API server hands an authorised stream to the gateway: a response whose header names the node and the offer.
import { HttpAnswer } from '../../src/machinery/http.ts';
import type { StreamTarget } from '../../src/protocol/streams.ts';

const header = 'tiffin-handover';

export function handOver(target: StreamTarget): HttpAnswer {
  return new HttpAnswer(null, { headers: { [header]: encodeURIComponent(JSON.stringify(target)) } });
}

/** Undefined: an answer for the client itself. */
export function handedOver(response: Response): StreamTarget | undefined {
  const text = response.headers.get(header);
  return text === null ? undefined : (JSON.parse(decodeURIComponent(text)) as StreamTarget);
}
