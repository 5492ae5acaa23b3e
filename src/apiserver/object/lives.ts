// The lives of this object, each with the revision it began at: what tells a ledger from its own older copy that was
// restored. A node's cursor names the life it was answered in. A life that is not known here came after the copy was
// made; so did revisions of a known life beyond the start of the next.
//
// Worked example: life a goes from 0 to 20; a copy is made; a goes on to 30 and tells a node so. The copy is restored and
// life b begins at 20. The node's cursor (a, 30) is of what no longer is, however far b grows; (a, 20) still counts.
import type { Random, Sql } from '../../ports/index.ts';

/** A cursor of a life further back begins anew. */
const livesMax = 100;

export class Lives {
  readonly current: string;
  readonly #began: { id: string; revision: number }[];

  /** Begins a new one, with one row. */
  constructor(sql: Sql, random: Random, revision: number) {
    sql.exec(
      'CREATE TABLE IF NOT EXISTS server_life (n INTEGER PRIMARY KEY, id TEXT NOT NULL, revision INTEGER NOT NULL)',
    );
    this.current = random.uuid();
    sql.exec('INSERT INTO server_life (id, revision) VALUES (?,?)', this.current, revision);
    const rows = sql.exec<{ n: number; id: string; revision: number }>(
      'SELECT n, id, revision FROM server_life ORDER BY n',
    );
    for (const { n } of rows.splice(0, rows.length - livesMax)) sql.exec('DELETE FROM server_life WHERE n = ?', n);
    this.#began = rows;
  }

  /** Whether what was true at `revision` of that life is part of this ledger's history. */
  holds(id: string, revision: number): boolean {
    const index = this.#began.findIndex((life) => life.id === id);
    if (index < 0) return false;
    const next = this.#began[index + 1];
    return next === undefined || revision <= next.revision;
  }
}
