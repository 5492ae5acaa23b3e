// What a server reads of a request, and the answer that it makes, apart from any runtime: a web Request is an HttpRequest, and
// an HttpAnswer becomes a web Response where one is wanted. Making those objects costs more than most answers do, so the
// way from the gateway to an API server carries plain messages instead.

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null; keys(): Iterable<string> };
  readonly body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

export type HttpBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

export class HttpAnswer {
  body: HttpBody;
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
    return response({ status: this.status, headers: this.#headers, body: this.body, encoded: this.encoded });
  }

  #spelled(name: string): string | undefined {
    if (name in this.#headers) return name;
    const wanted = name.toLowerCase();
    for (const known in this.#headers) if (known.toLowerCase() === wanted) return known;
    return undefined;
  }
}

/** An answer as plain data. */
export interface AnswerMessage {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: HttpBody;
  encoded: boolean;
}

export function response({ status, headers, body, encoded }: AnswerMessage): Response {
  // `encodeBody` is Workers' own.
  const init = encoded ? { status, headers, encodeBody: 'manual' as const } : { status, headers };
  return new Response(body, init);
}
