// Keeps strangers from a node's link: every name that is asked for makes an object with a database of its own, so nobody
// reaches one without that node's credential. What was found holds for a minute; the link itself still checks every
// request, and refuses a replaced credential at once.
import { Limits } from '../../src/apiserver/limits/limits.ts';
import { errors } from '../../src/machinery/errors.ts';
import { bearerOf, speaksFor } from '../../src/node-link/requests.ts';
import { clientAddress } from '../adapters/client-address.ts';

const heldMs = 60_000;
const heldMax = 10_000;

export class NodeDoor {
  readonly #nodeOf: (token: string) => Promise<string | null>;
  readonly #now: () => number;
  readonly #limits: Limits;
  readonly #known = new Map<string, { node: string; untilMs: number }>();

  constructor(nodeOf: (token: string) => Promise<string | null>, now: () => number) {
    this.#nodeOf = nodeOf;
    this.#now = now;
    this.#limits = new Limits(undefined, { now });
  }

  /** Throws an ApiError unless the request bears the credential of `node`. */
  async check(request: Request, node: string): Promise<void> {
    const token = bearerOf(request);
    const owner = await this.limited(request, token, async () => {
      const found = await this.#ownerOf(token);
      if (found === null) throw errors.unauthorized();
      return found;
    });
    speaksFor(owner, node);
  }

  /** As `authenticate`. Throws TooManyRequests where too many bad credentials come from. */
  limited<T>(request: Request, credential: string, authenticate: () => Promise<T>): Promise<T> {
    return this.#limits.authenticated(clientAddress(request), credential, authenticate);
  }

  async #ownerOf(token: string): Promise<string | null> {
    const held = this.#known.get(token);
    if (held && this.#now() < held.untilMs) return held.node;
    const node = await this.#nodeOf(token);
    if (node === null) {
      this.#known.delete(token);
      return null;
    }
    if (this.#known.size >= heldMax) this.#known.clear();
    this.#known.set(token, { node, untilMs: this.#now() + heldMs });
    return node;
  }
}
