// What the contract of the ledger is tested on: one ledger over a database, with small limits and a clock that stands still.
import type { Sql } from '../ports/index.ts';
import { createLedger } from './ledger.ts';
import type { SealingOptions } from './sealing.ts';
import type { Ledger, WriteView } from './types.ts';

export function write(tx: WriteView, key: string, value: string, expected?: number, tags: string[] = []) {
  const expect = expected === undefined ? undefined : { revision: expected };
  return tx.put(key, () => ({ value, side: `s${value.slice(0, 8)}`, tags }), expect);
}

/** A ledger with small limits and a clock that stands still. */
export class Bench {
  nowMs = 1000;
  transactions = 0;
  readonly #sql: Sql;
  readonly #sealing: SealingOptions | undefined;
  ledger: Ledger;

  constructor(sql: Sql, sealing?: SealingOptions) {
    this.#sealing = sealing;
    this.#sql = {
      exec: (statement, ...bindings) => sql.exec(statement, ...bindings),
      transaction: (work) => {
        this.transactions++;
        return sql.transaction(work);
      },
    };
    this.ledger = this.reopen();
  }

  /** A second ledger over the same database, as after a restart. */
  reopen(): Ledger {
    const clock = { now: () => this.nowMs };
    return createLedger({
      sql: this.#sql,
      clock,
      config: { historyMs: 1000, historyBytesMax: 10_000 },
      ...(this.#sealing ? { sealing: this.#sealing } : {}),
    });
  }

  put(key: string, value: string, expected?: number, tags?: string[]) {
    return this.ledger.commit((tx) => write(tx, key, value, expected, tags));
  }

  delete(key: string, expected?: number) {
    const expect = expected === undefined ? undefined : { revision: expected };
    return this.ledger.commit((tx) =>
      tx.delete(key, (_revision, current) => ({ value: `gone ${current.value}`, side: 'gone' }), expect),
    );
  }
}
