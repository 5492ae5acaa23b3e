// Bodies arrive before a request takes its turn: while a client is slow to send, nobody waits for his seat. What is under way
// is counted for each user, by the length that is announced or has come: one who announces more at once than he may is refused (429). Where
// all users together do, those who come later send while they hold a seat, of which there are so many.
import { readLimited } from '../../machinery/body.ts';
import { errors } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import type { User } from '../core.ts';
import type { TimeLimits } from '../flowcontrol/time-limits.ts';
import { bodyBytesMax } from '../negotiation/body.ts';
import type { RequestInfo } from '../routing.ts';

const userBytesMax = 16 * 1024 * 1024;
const allBytesMax = 48 * 1024 * 1024;
/** What a body counts at least, whatever its length. */
const countedBytesMin = 4 * 1024;
/** Their bodies are streams, which are passed on. */
const passedOn = new Set(['attach', 'exec', 'proxy', 'portforward']);

export class Bodies {
  readonly #limits: TimeLimits;
  readonly #ofUsers = new Map<string, number>();
  #all = 0;

  constructor(limits: TimeLimits) {
    this.#limits = limits;
  }

  /**
   * The answer of `serve`, which is called once the body is here. What is wrong with the body is told to whoever reads it.
   * Rejects with TooManyRequests or Timeout.
   */
  whenHere<T>(
    request: HttpRequest,
    { subresource, verb }: RequestInfo,
    user: User,
    limitMs: number,
    serve: () => Promise<T>,
  ): Promise<T> {
    if (!request.body || passedOn.has(subresource) || verb === 'proxy') return serve();
    const length = Number(request.headers.get('content-length') ?? 0);
    // Refused for its length without being read.
    if (!(length <= bodyBytesMax)) return serve();
    const announced = Math.max(countedBytesMin, length);
    return this.#all + announced > allBytesMax ? serve() : this.#held(request, user, announced, limitMs, serve);
  }

  /** It counts until the answer is there, since it is held until then. */
  async #held<T>(
    request: HttpRequest,
    user: User,
    announced: number,
    limitMs: number,
    serve: () => Promise<T>,
  ): Promise<T> {
    let counted = 0;
    let over = false;
    const count = (bytes: number): void => {
      if (over) throw errors.badRequest('unexpected EOF');
      if (bytes <= counted) return;
      this.#count(user, bytes - counted);
      counted = bytes;
    };
    count(announced);
    const received = readLimited(request, bodyBytesMax, count);
    request.received = received;
    const settled = received.then(
      () => undefined,
      () => undefined,
    );
    try {
      await this.#limits.within(limitMs, settled);
      return await serve();
    } finally {
      over = true;
      this.#count(user, -counted);
    }
  }

  /** Throws TooManyRequests. */
  #count({ name, groups }: User, bytes: number): void {
    const own = (this.#ofUsers.get(name) ?? 0) + bytes;
    if (bytes > 0 && own > userBytesMax && !groups.includes('system:masters'))
      throw errors.tooManyRequests('the user sends more at once than the cluster allows one');
    this.#all += bytes;
    if (own > 0) this.#ofUsers.set(name, own);
    else this.#ofUsers.delete(name);
  }
}
