// Asks a webhook for a review, of a token or of an access: posts the question, reads the answer's status. However many ask,
// only so many calls are under way; whoever finds no place, or waits too long, gets an error, as do all for a while after a row
// of failures, until a single call has gone well again. Errors are for the log: what they mean, the caller says.
import { callOut, type Outside } from './call.ts';

export interface ReviewClientOptions extends Outside {
  server: { readonly url: string; readonly certificateAuthority?: string; readonly token?: string };
  apiVersion: string;
  kind: string;
  /** From the question to the answer, waiting and repeating included. */
  timeoutMs: number;
}

export type Review = Readonly<Record<string, unknown>>;

const bytesMax = 256 * 1024;
const underWayMax = 64;
const waitingMax = 1024;
const attemptsMax = 3;
const firstDelayMs = 500;
/** Failures in a row after which the webhook is left alone, and for how long. */
const failuresMax = 5;
const restMs = 5_000;

export class ReviewClient {
  readonly #options: ReviewClientOptions;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;
  #failures = 0;
  #restUntilMs = 0;
  #probing = false;

  constructor(options: ReviewClientOptions) {
    this.#options = options;
  }

  /** The status of the answered review. Rejects with an Error that says why there is none. */
  async review(spec: object): Promise<Review> {
    const { timers, timeoutMs, log, kind, server } = this.#options;
    const probes = this.#failures >= failuresMax;
    if (probes && (this.#probing || timers.now() < this.#restUntilMs))
      throw new Error('the webhook is left alone after failures in a row');
    this.#probing ||= probes;
    const untilMs = timers.now() + timeoutMs;
    try {
      await this.#place(untilMs);
      try {
        const status = await this.#attempts(spec, untilMs);
        this.#failures = 0;
        return status;
      } finally {
        this.#underWay--;
        this.#waiting.shift()?.();
      }
    } catch (error) {
      this.#failures++;
      this.#restUntilMs = timers.now() + restMs;
      log.warn('webhook failed', { kind, server: server.url, error: String(error) });
      throw error;
    } finally {
      if (probes) this.#probing = false;
    }
  }

  async #place(untilMs: number): Promise<void> {
    const { timers } = this.#options;
    if (this.#underWay >= underWayMax) {
      if (this.#waiting.length >= waitingMax) throw new Error('too many wait for the webhook');
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn.resolve);
      const cancel = timers.after(untilMs - timers.now(), () => {
        const at = this.#waiting.indexOf(turn.resolve);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        turn.reject(new Error('no turn in time'));
      });
      await turn.promise.finally(cancel);
    }
    this.#underWay++;
  }

  async #attempts(spec: object, untilMs: number): Promise<Review> {
    const { timers } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ask(spec, untilMs - timers.now());
      } catch (error) {
        const delayMs = firstDelayMs * 1.5 ** (attempt - 1);
        const over = attempt === attemptsMax || timers.now() + delayMs >= untilMs;
        if (over || !(error instanceof Passing)) throw error;
        await new Promise<void>((resolve) => timers.after(delayMs, resolve));
      }
    }
  }

  async #ask(spec: object, timeoutMs: number): Promise<Review> {
    const { fetch, timers, server, apiVersion, kind } = this.#options;
    if (!fetch) throw new Error('nothing can be called here');
    const { url, token, certificateAuthority } = server;
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const body = JSON.stringify({ kind, apiVersion, metadata: { creationTimestamp: null }, spec, status: {} });
    const bounds = { timeoutMs, bytesMax, ...(certificateAuthority ? { certificateAuthority } : {}) };
    const { status, text } = await callOut(fetch, timers, url, { method: 'POST', headers, body }, bounds);
    // As upstream: these pass.
    if (status === 429 || status === 500 || status === 504) throw new Passing(`the webhook answered ${status}`);
    if (status < 200 || status > 299) throw new Error(`the webhook answered ${status}`);
    const answer = JSON.parse(text) as { kind?: unknown; apiVersion?: unknown; status?: unknown } | null;
    if (answer?.kind !== kind || answer.apiVersion !== apiVersion)
      throw new Error(`the webhook answered no ${kind} of ${apiVersion}`);
    const { status: decided } = answer;
    return typeof decided === 'object' && decided !== null ? (decided as Review) : {};
  }
}

/** Worth another attempt. */
class Passing extends Error {}
