// Keeps strangers from a node's link: every name that is asked for makes an object with a database of its own, so nobody
// reaches one without that node's credential. What was found holds for a minute; the link itself still checks every
// request, and refuses a replaced credential at once.
import { ApiError, errors } from '../../src/machinery/errors.ts';

const heldMs = 60_000;
const heldMax = 10_000;

/** Throws Unauthorized without one. */
export function bearerOf(request: Request): string {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? [];
  if (!token) throw errors.unauthorized();
  return token;
}

export class NodeDoor {
  readonly #nodeOf: (token: string) => Promise<string | null>;
  readonly #now: () => number;
  readonly #known = new Map<string, { node: string; untilMs: number }>();

  constructor(nodeOf: (token: string) => Promise<string | null>, now: () => number) {
    this.#nodeOf = nodeOf;
    this.#now = now;
  }

  /** Throws an ApiError unless the request bears the credential of `node`. */
  async check(request: Request, node: string): Promise<void> {
    const token = bearerOf(request);
    const owner = await this.#ownerOf(token);
    if (owner === null) throw errors.unauthorized();
    if (owner !== node) throw new ApiError('Forbidden', `node "${owner}" may not speak for node "${node}"`);
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
