// Objects with a lifetime (Events) are deleted once it is over. Which ones have one is written in the side column of
// their rows, so nothing but keys and side columns is read.
import { parseSide, withRevision } from '../../src/apiserver/storage/codec.ts';
import type { KeyRange, Ledger } from '../../src/ledger/types.ts';

const pageRows = 500;

/** Deletes what has expired in the ranges; resolves with the instant of the next expiry, if any object has one. */
export async function expireObjects(
  ledger: Ledger,
  ranges: readonly KeyRange[],
  nowMs: number,
): Promise<number | undefined> {
  let next: number | undefined;
  for (const range of ranges) {
    let after: string | undefined;
    for (;;) {
      const page = ledger.range({ ...range, after, limit: pageRows, withoutValues: true });
      const expired: { key: string; revision: number }[] = [];
      for (const { key, side, revision } of page.entries) {
        const at = parseSide(side).x;
        if (at === undefined) continue;
        if (at <= nowMs) expired.push({ key, revision });
        else if (next === undefined || at < next) next = at;
      }
      if (expired.length > 0)
        await ledger.commit((tx) => {
          for (const { key, revision } of expired)
            tx.delete(key, (at, current) => ({ value: withRevision(current.value, at), side: current.side }), {
              revision,
            });
        });
      after = page.entries.at(-1)?.key;
      if (!page.more || after === undefined) break;
    }
  }
  return next;
}
