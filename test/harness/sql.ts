// The Sql port over node:sqlite, in memory or in a file. Statements are prepared once. With a file, a committed
// transaction is durable (write-ahead log, synchronous=FULL), as in a Durable Object.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Sql, SqlValue } from '../../src/ports/index.ts';

export interface TestSql extends Sql {
  /** Rows inserted, updated or deleted since the database was opened, as SQLite counts them (indexes not included). */
  rowsWritten(): number;
  close(): void;
}

export function openSql(path = ':memory:'): TestSql {
  const db = new DatabaseSync(path);
  if (path !== ':memory:') db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;');
  const statements = new Map<string, StatementSync>();
  let open = false;
  const prepare = (text: string): StatementSync => {
    let statement = statements.get(text);
    if (!statement) {
      statement = db.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };
  return {
    exec<Row = Record<string, SqlValue>>(text: string, ...bindings: SqlValue[]): Row[] {
      // The limit of a Durable Object's SQLite, enforced here so that tests meet it.
      if (bindings.length > 100) throw new Error(`too many SQL variables: ${bindings.length}`);
      return prepare(text).all(...(bindings as SQLInputValue[])) as Row[];
    },
    transaction<T>(work: () => T): T {
      if (open) throw new Error('transactions do not nest');
      prepare('BEGIN IMMEDIATE').run();
      open = true;
      try {
        const result = work();
        prepare('COMMIT').run();
        return result;
      } catch (error) {
        if (db.isTransaction) prepare('ROLLBACK').run();
        throw error;
      } finally {
        open = false;
      }
    },
    rowsWritten: () => Number(prepare('SELECT total_changes() AS n').get()?.n),
    close: () => db.close(),
  };
}
