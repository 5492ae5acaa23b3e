// Requests whose pods have not begun to answer: half of the node's streams at most, so that pods that keep silent, and clients that
// ask them again and again, leave room for all else. Each is bounded in time by whoever asks the pod.
import { errors } from '../../../src/machinery/errors.ts';
import { streamsMax } from '../../../src/protocol/streams.ts';

export const unansweredMax = streamsMax / 2;

export class Unanswered {
  #count = 0;

  /** Serves a stream whose `accept` says that it is answered. Throws TooManyRequests. */
  async counted<A extends unknown[], R, S extends { accept(...args: A): R }>(
    stream: S,
    serve: (stream: S) => Promise<void>,
  ): Promise<void> {
    if (this.#count >= unansweredMax)
      throw errors.tooManyRequests(`${unansweredMax} requests to pods of the node wait for an answer already`);
    this.#count++;
    let waits = true;
    const answered = (): void => {
      if (waits) this.#count--;
      waits = false;
    };
    const accept = (...args: A): R => {
      answered();
      return stream.accept(...args);
    };
    await serve({ ...stream, accept }).finally(answered);
  }
}
