// Offers of streams on their way to the agent. One stays until the agent comes for it, the client leaves or its time is over; it
// is handed out again with each answer until the agent has said that it has it, since any answer may be lost. An agent knows a
// repetition by its id.
//
//   offer X    answer: X ✂    poll, has nothing    answer: X    poll, has X    answer: -    claim X
import type { Clock } from '../ports/index.ts';
import type { SyncRequest } from '../protocol/node.ts';
import type { StreamOffer } from '../protocol/streams.ts';

interface Item {
  offer: StreamOffer;
  untilMs: number;
  /** The agent's life that it was handed to. */
  session?: string;
  /** That one has said so. */
  arrived: boolean;
}

export class OfferMailbox {
  readonly #clock: Clock;
  readonly #items = new Map<string, Item>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(offer: StreamOffer, untilMs: number): void {
    this.#items.set(offer.id, { offer, untilMs, arrived: false });
  }

  remove(id: string): void {
    this.#items.delete(id);
  }

  /** What the agent says that it has. */
  acknowledge({ session, offers }: Pick<SyncRequest, 'session' | 'offers'>): void {
    for (const id of offers ?? []) {
      const item = this.#items.get(id);
      if (item?.session === session) item.arrived = true;
    }
  }

  /** What goes into the answer. An agent of an earlier version acknowledges nothing, and would not know a repetition. */
  handOut({ session, offers }: Pick<SyncRequest, 'session' | 'offers'>): StreamOffer[] {
    const out: StreamOffer[] = [];
    const now = this.#clock.now();
    for (const item of this.#items.values()) {
      if (item.untilMs < now) continue;
      const elsewhere = item.session !== undefined && item.session !== session;
      // An agent that has ended may have carried out a request that nobody has come for yet; all else begins when it is claimed.
      if (elsewhere && item.offer.kind === 'http') continue;
      if (item.arrived && !elsewhere) continue;
      item.session = session;
      item.arrived = offers === undefined;
      out.push(item.offer);
    }
    return out;
  }
}
