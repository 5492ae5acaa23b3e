// The answers at /api, /apis and below. Which clients get the aggregated document, and how its ETag is honoured, is upstream's.
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';
import {
  acceptedTypes,
  aggregatedDiscovery,
  type Encoding,
  isPretty,
  mediaTypeOf,
  negotiate,
  notAcceptable,
  tryNegotiate,
} from '../negotiation/accept.ts';
import type { ProtobufAnswers } from '../negotiation/protobuf.ts';
import { answering, hashOf, textResponse } from '../negotiation/respond.ts';
import type { Discovery } from './discovery.ts';

const aggregatedParameters = 'g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export class DiscoveryAnswers {
  readonly #discovery: Discovery;
  readonly #protobuf: ProtobufAnswers | undefined;
  readonly #aggregated = new Map<string, Promise<{ text: string; etag: string }>>();

  constructor(discovery: Discovery, protobuf: ProtobufAnswers | undefined) {
    this.#discovery = discovery;
    this.#protobuf = protobuf;
  }

  /** `segments` of the path: ['api'], ['apis', 'apps', 'v1']. Undefined for what is not served. */
  async answer(request: HttpRequest, segments: readonly string[]): Promise<HttpAnswer | undefined> {
    const [prefix, one, two] = segments;
    const isRoute = prefix === 'api' || two !== undefined;
    const accept = request.headers.get('accept');
    if (one === undefined) {
      const aggregated = aggregatedDiscovery(accept);
      if (aggregated) return this.#aggregatedAnswer(request, prefix === 'api', aggregated);
      const body =
        prefix === 'api' ? this.#discovery.apiVersions(address(request.url)) : this.#discovery.apiGroupList();
      return this.#negotiated(request, body, isRoute);
    }
    const body =
      prefix === 'api'
        ? await this.#discovery.apiResourceList('', one)
        : two === undefined
          ? this.#discovery.apiGroup(one)
          : await this.#discovery.apiResourceList(one, two);
    return body === undefined ? undefined : this.#negotiated(request, body, isRoute);
  }

  /** Of the aggregator's pages (`isRoute` false) nobody looks at the Accept header before the encoding is chosen. */
  #negotiated(request: HttpRequest, body: unknown, isRoute: boolean): HttpAnswer {
    const form = isRoute ? negotiate(request, 'none') : tryNegotiate(request, 'none');
    if (!form) throw notAcceptable(`only the following media types are accepted: ${acceptedTypes}`);
    return textResponse(JSON.stringify(body), answering(request, form, this.#protobuf));
  }

  async #aggregatedAnswer(request: HttpRequest, core: boolean, encoding: Encoding): Promise<HttpAnswer> {
    const key = core ? 'api' : 'apis';
    let document = this.#aggregated.get(key);
    if (!document) {
      const text = JSON.stringify(this.#discovery.aggregated(core));
      document = hashOf(text).then((hash) => ({ text, etag: `"${hash}"` }));
      this.#aggregated.set(key, document);
    }
    const { text, etag } = await document;
    const headers = { ETag: etag, Vary: 'Accept', 'Cache-Control': 'public' };
    if (request.headers.get('if-none-match') === etag) return new HttpAnswer(null, { status: 304, headers });
    const form = { encoding, pretty: isPretty(request) };
    return textResponse(text, { ...answering(request, form, this.#protobuf), headers }).setHeader(
      'Content-Type',
      `${mediaTypeOf[encoding]};${aggregatedParameters}`,
    );
  }
}

/** Host and port, the port always named. */
function address(url: string): string {
  const { host, port, protocol } = new URL(url);
  return port === '' ? `${host}:${protocol === 'http:' ? 80 : 443}` : host;
}
