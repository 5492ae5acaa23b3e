// When nodes were last heard, as far as the API server's object knows it without a write: noted at every call of a node's
// link, which comes at least once a minute, and asked of the link before somebody reads it. In memory only.
import type { Clock } from '../../ports/index.ts';
import type { NodeContacts } from '../core.ts';

/** So many links are asked for one read at most; of further nodes the last call of their link counts. */
const askedMax = 100;

export class Contacts implements NodeContacts {
  readonly #clock: Clock;
  readonly #freshMs: number;
  readonly #ask: (node: string) => Promise<number | undefined>;
  readonly #at = new Map<string, number>();

  /** `freshMs`: how old a contact may be before its link is asked. `ask` may reject. */
  constructor(clock: Clock, freshMs: number, ask: (node: string) => Promise<number | undefined>) {
    this.#clock = clock;
    this.#freshMs = freshMs;
    this.#ask = ask;
  }

  /** The node was heard, at most `agoMs` ago. */
  heard(node: string, agoMs = 0): void {
    this.#at.set(node, Math.max(this.#at.get(node) ?? 0, this.#clock.now() - agoMs));
  }

  lastContact(node: string): number | undefined {
    return this.#at.get(node);
  }

  async refresh(nodes: readonly string[]): Promise<void> {
    const now = this.#clock.now();
    const stale = nodes.filter((node) => now - (this.#at.get(node) ?? 0) > this.#freshMs).slice(0, askedMax);
    await Promise.all(
      stale.map(async (node) => {
        const contact = await this.#ask(node).catch(() => undefined);
        if (contact !== undefined) this.heard(node, this.#clock.now() - contact);
      }),
    );
  }
}
