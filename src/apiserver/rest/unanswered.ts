// What a write must know to go on and cannot find out at once, since whoever knows it is elsewhere and a transaction waits for
// nobody: it is thrown before anything is written, and the write begins anew when it is known.

export class Unanswered extends Error {
  /** Finds it out. Never rejects. */
  readonly ask: () => Promise<void>;

  constructor(ask: () => Promise<void>) {
    super('not known yet');
    this.name = 'Unanswered';
    this.ask = ask;
  }
}

/** The outcome of `work`, which is begun anew whenever it has learned what it did not know. */
export async function answered<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      await error.ask();
    }
  }
}
