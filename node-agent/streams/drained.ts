// Waiting for room in a Node.js stream that may also go away meanwhile.
import type { Writable } from 'node:stream';

/** Resolves when more may be written, or nothing more will be taken. */
export const drained = (to: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
    if (to.destroyed) done();
  });
