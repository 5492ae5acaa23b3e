// The Sql port over a Durable Object's own SQLite. Results are read at once: a cursor does not outlive an await.
import type { Sql, SqlValue } from '../../src/ports/index.ts';

export function durableSql(storage: DurableObjectStorage): Sql {
  return {
    // No statement of the project reads or writes blobs.
    exec: <Row = Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[] =>
      storage.sql.exec(statement, ...bindings).toArray() as Row[],
    transaction: (work) => storage.transactionSync(work),
  };
}
