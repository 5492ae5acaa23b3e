// The answers at /openapi/v2 and /openapi/v3: which encoding, the ETag, and how long an answer may be kept.
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';
import { parseAccept } from '../negotiation/accept.ts';
import { gzipped, pageNotFound, takesGzip } from '../negotiation/respond.ts';
import type { OpenApi } from './openapi.ts';

type Encoding = 'json' | 'protobuf';

const mediaTypes: Record<'v2' | 'v3', Record<string, Encoding>> = {
  v2: {
    'application/json': 'json',
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf': 'protobuf',
    'application/com.github.proto-openapi.spec.v2@v1.0+protobuf': 'protobuf',
  },
  v3: {
    'application/json': 'json',
    'application/com.github.proto-openapi.spec.v3.v1.0+protobuf': 'protobuf',
    'application/com.github.proto-openapi.spec.v3@v1.0+protobuf': 'protobuf',
  },
};
const protobufType = (version: 'v2' | 'v3') => `application/com.github.proto-openapi.spec.${version}.v1.0+protobuf`;

const yearMs = 365 * 24 * 3600 * 1000;

export class OpenApiAnswers {
  readonly #openApi: OpenApi;

  constructor(openApi: OpenApi) {
    this.#openApi = openApi;
  }

  async v2(request: HttpRequest): Promise<HttpAnswer> {
    const encoding = preferred(request, 'v2');
    if (!encoding) return notAcceptable();
    const { text, hash } = await this.#openApi.v2();
    const headers = { ETag: `"${hash}"`, Vary: 'Accept', 'Cache-Control': 'no-cache, private' };
    const body = encoding === 'json' ? text : await this.#openApi.v2Protobuf();
    const answer = unlessKnown(request, body, {
      ...headers,
      'Content-Type': encoding === 'json' ? 'application/json' : protobufType('v2'),
    });
    return answer.body && takesGzip(request) ? gzipped(answer) : answer.addHeader('Vary', 'Accept-Encoding');
  }

  /** The index (`path` is ''), or the document of one group version, which its hash makes cacheable for ever. */
  async v3(request: HttpRequest, url: URL, path: string): Promise<HttpAnswer> {
    if (path === '') {
      const { text, hash } = await this.#openApi.index();
      return unlessKnown(request, text, {
        ETag: `"${hash}"`,
        'Content-Type': 'application/json',
        'Cache-Control': 'no-cache, private',
      });
    }
    if (!this.#openApi.has(path)) return pageNotFound();
    const encoding = preferred(request, 'v3');
    if (!encoding) return notAcceptable();
    const { text, hash } = await this.#openApi.document(path);
    const wanted = url.searchParams.get('hash') ?? '';
    if (wanted !== '' && wanted !== hash)
      return new HttpAnswer(null, {
        status: 301,
        headers: { Location: `/openapi/v3/${path}?hash=${hash}`, ETag: `"${hash}"`, Vary: 'Accept' },
      });
    const lasting = {
      'Cache-Control': 'public, immutable',
      Expires: new Date(this.#openApi.nowMs() + yearMs).toUTCString(),
    };
    const body = encoding === 'json' ? text : await this.#openApi.documentProtobuf(path);
    return unlessKnown(request, body, {
      ETag: `"${hash}"`,
      Vary: 'Accept',
      'Content-Type': encoding === 'json' ? 'application/json' : protobufType('v3'),
      ...(wanted === '' ? { 'Cache-Control': 'no-cache, private' } : lasting),
    });
  }
}

/** Undefined: nothing that the client takes. */
function preferred(request: HttpRequest, version: 'v2' | 'v3'): Encoding | undefined {
  for (const { type } of parseAccept(request.headers.get('accept') || '*/*')) {
    if (type === '*/*' || type === 'application/*') return 'json';
    const known = mediaTypes[version];
    if (Object.hasOwn(known, type)) return known[type];
  }
  return undefined;
}

function notAcceptable(): HttpAnswer {
  return new HttpAnswer(null, { status: 406, headers: { Vary: 'Accept', 'Cache-Control': 'no-cache, private' } });
}

function unlessKnown(request: HttpRequest, body: string | Uint8Array, headers: Record<string, string>): HttpAnswer {
  const known = (request.headers.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!known.includes(headers.ETag as string) && !known.includes('*'))
    return new HttpAnswer(body as string | Uint8Array<ArrayBuffer>, { headers });
  const { 'Content-Type': _, ...kept } = headers;
  return new HttpAnswer(null, { status: 304, headers: kept });
}
