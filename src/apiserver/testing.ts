// A server over SQLite in memory, for the tests of this folder: deterministic clock and randomness, an admin token.

import { exportPKCS8, generateKeyPair } from 'jose';
import { createLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/types.ts';
import { HttpAnswer } from '../machinery/http.ts';
import {
  type Clock,
  type ClusterConfig,
  defaultClusterConfig,
  type Log,
  type Random,
  type Sql,
  type Timers,
} from '../ports/index.ts';
import type { StreamTarget } from '../protocol/streams.ts';
import { ApiServer, type ApiServerOptions } from './server.ts';

export class TestClock implements Clock {
  ms = Date.UTC(2026, 0, 2, 3, 4, 5);
  now(): number {
    return this.ms;
  }
}

/** Timers that run when the test moves the clock. */
export class TestTimers extends TestClock implements Timers {
  #pending: { at: number; callback: () => void }[] = [];
  after(delayMs: number, callback: () => void): () => void {
    // The next turn of the event loop is no time: it comes by itself.
    if (delayMs === 0) {
      const id = setTimeout(callback, 0);
      return () => clearTimeout(id);
    }
    const entry = { at: this.ms + delayMs, callback };
    this.#pending.push(entry);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== entry);
    };
  }
  advance(ms: number): void {
    const until = this.ms + ms;
    for (;;) {
      const next = this.#pending.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#pending = this.#pending.filter((other) => other !== next);
      this.ms = next.at;
      next.callback();
    }
    this.ms = until;
  }
}

export class TestRandom implements Random {
  #state: number;
  constructor(seed = 1) {
    this.#state = seed >>> 0;
  }
  int(exclusiveMax: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * exclusiveMax);
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.int(256));
  }
  uuid(): string {
    const hex = Array.from(this.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

export class TestLog implements Log {
  readonly errors: { message: string; fields?: Record<string, unknown> }[] = [];
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(message: string, fields?: Record<string, unknown>): void {
    this.errors.push({ message, ...(fields ? { fields } : {}) });
  }
}

export const adminToken = 'admin-token-of-the-tests';

/** A fresh key of a service account issuer, PEM. */
async function issuerKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return exportPKCS8(privateKey);
}

export interface TestServer {
  server: ApiServer;
  ledger: Ledger;
  clock: TestTimers;
  log: TestLog;
  /** As the admin, with a JSON body unless `body` is a string. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  code: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  json: any;
}

export async function testServer(
  sql: Sql,
  overrides: Omit<Partial<ApiServerOptions>, 'config'> & { config?: Partial<ClusterConfig>; start?: boolean } = {},
): Promise<TestServer> {
  const clock = new TestTimers();
  const config = { ...defaultClusterConfig, ...overrides.config };
  const log = new TestLog();
  const ledger = createLedger({ sql, clock, config });
  const random = new TestRandom();
  const serviceAccountKey = await issuerKey();
  // The target itself, where the gateway would follow it.
  const stream = (target: StreamTarget) => new HttpAnswer(JSON.stringify(target));
  const options = {
    ledger,
    clock,
    timers: clock,
    random,
    log,
    adminToken,
    serviceAccountKey,
    stream,
    ...overrides,
    config,
  };
  const server = new ApiServer(options);
  if (overrides.start !== false) await server.start();
  return {
    server,
    ledger,
    clock,
    log,
    async call(method, path, body, headers = {}) {
      const response = await server.fetch(
        new Request(`https://cluster.test${path}`, {
          method,
          headers: {
            authorization: `Bearer ${adminToken}`,
            ...(body === undefined
              ? {}
              : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
            ...headers,
          },
          ...(body === undefined
            ? {}
            : {
                body: typeof body === 'string' || body instanceof Uint8Array ? (body as never) : JSON.stringify(body),
              }),
        }),
      );
      const text = await response.text();
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {}
      return { code: response.status, headers: response.headers, text, json };
    },
  };
}

/** A watch as the tests read it: whole events in order. Keep-alive lines are skipped. */
export async function openWatch(
  server: ApiServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<TestWatch> {
  const response = await server.fetch(
    new Request(`https://cluster.test${path}`, { headers: { authorization: `Bearer ${adminToken}`, ...headers } }),
  );
  return new TestWatch(response);
}

export class TestWatch {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(response: Response) {
    this.response = response;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  // biome-ignore lint/suspicious/noExplicitAny: events carry objects of every kind
  async next(): Promise<{ type: string; object: any } | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        if (line !== '') return JSON.parse(line);
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}
