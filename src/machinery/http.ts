// What a server reads of a request, and the answer that it makes, apart from any runtime: a web Request is an HttpRequest, and
// an HttpAnswer becomes a web Response at the rim, once, after everyone has added their headers.

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null; keys(): Iterable<string> };
  readonly body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** The body, where somebody reads it already. */
  received?: Promise<Uint8Array>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Which certificate the client presented, as whoever terminates TLS says; never read from what the client can write. */
  readonly peerCertificate?: PeerCertificate;
  /** Where the client is, as whoever terminates TLS says; never read from what the client can write. */
  readonly clientAddress?: string;
}

export interface PeerCertificate {
  /** Whether it is valid, and from an authority that is trusted for the hostname. */
  readonly verified: boolean;
  /** Names in the form of RFC 2253. */
  readonly subject: string;
  readonly issuer: string;
  /** Subject key identifier of the issuer, in hexadecimal digits. */
  readonly issuerKeyId: string;
  /** SHA-256 of the certificate, in hexadecimal digits. */
  readonly fingerprint: string;
}

export type HttpBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

export class HttpAnswer {
  body: HttpBody;
  /** The object that the body says in whatever encoding, as JSON; absent where the body is JSON itself, or no object. */
  json?: string;
  readonly status: number;
  readonly #headers: Record<string, string>;
  /** The body is in its Content-Encoding already. */
  readonly encoded: boolean;

  constructor(
    body: HttpBody,
    init: { status?: number; headers?: Readonly<Record<string, string>>; encoded?: boolean } = {},
  ) {
    this.body = body;
    this.status = init.status ?? 200;
    this.#headers = { ...init.headers };
    this.encoded = init.encoded ?? false;
  }

  /** By name, whatever its case. */
  header(name: string): string | undefined {
    const known = this.#spelled(name);
    return known === undefined ? undefined : this.#headers[known];
  }

  setHeader(name: string, value: string): this {
    this.#headers[this.#spelled(name) ?? name] = value;
    return this;
  }

  /** Beside what the header says already. */
  addHeader(name: string, value: string): this {
    const before = this.header(name);
    return this.setHeader(name, before === undefined ? value : `${before}, ${value}`);
  }

  deleteHeader(name: string): this {
    const known = this.#spelled(name);
    if (known !== undefined) delete this.#headers[known];
    return this;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  toResponse(): Response {
    const { status, body } = this;
    const headers = this.#headers;
    // `encodeBody` is Workers' own.
    const init = this.encoded ? { status, headers, encodeBody: 'manual' as const } : { status, headers };
    return new Response(body, init);
  }

  #spelled(name: string): string | undefined {
    if (name in this.#headers) return name;
    const wanted = name.toLowerCase();
    for (const known in this.#headers) if (known.toLowerCase() === wanted) return known;
    return undefined;
  }
}
