// The Sql port over a Durable Object's own SQLite. Results are read at once: a cursor does not outlive an await.
import type { Sql, SqlValue } from '../../src/ports/index.ts';

export function durableSql(storage: DurableObjectStorage): Sql {
  return {
    exec<Row = Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[] {
      const rows = storage.sql.exec(statement, ...bindings).toArray();
      for (const row of rows) {
        for (const [column, value] of Object.entries(row))
          if (value instanceof ArrayBuffer) (row as Record<string, unknown>)[column] = new Uint8Array(value);
      }
      return rows as Row[];
    },
    transaction: (work) => storage.transactionSync(work),
  };
}
