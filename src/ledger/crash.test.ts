import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sealing } from '../../test/harness/cipher.ts';
import { openSql } from '../../test/harness/sql.ts';
import { createLedger } from './ledger.ts';

/** Runs the writer on the file and kills it with SIGKILL after so many lines. */
function runAndKill(file: string, round: number, lines: number, keys: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const writer = path.join(import.meta.dirname, 'testdata/writer.mjs');
    const child = spawn(process.execPath, [writer, file, `${round}`, keys], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (text.split('\n').length > lines) child.kill('SIGKILL');
    });
    child.on('error', reject);
    // The last line may be cut off.
    child.on('close', () => resolve(text.split('\n').slice(0, -1)));
  });
}

/** Under which keys each round writes; at last everything is under the last of them. */
const rows = { plain: () => '', sealed: (round: number) => (round === 0 ? '' : round < 4 ? 'old' : 'new,old') };

it.each(Object.entries(rows))(
  'loses no acknowledged write to kill -9, and a watcher finds everything that it can still ask for (%s rows)',
  async (_, keysOf) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ledger-'));
    const file = path.join(folder, 'ledger.db');
    try {
      let reached = 0;
      for (let round = 0; round < 6; round++) {
        const lines = await runAndKill(file, round, 100 + round * 137, keysOf(round));
        const parsed = lines.map((line) => line.split(' ') as [string, string, string]);
        const of = (type: string) =>
          parsed.filter(([t]) => t === type).map(([, revision, value]) => ({ revision: Number(revision), value }));
        const [acknowledged, seen] = [of('ack'), of('saw')];
        const ledger = createLedger({
          sql: openSql(file),
          clock: { now: () => 0 },
          config: { historyMs: 1e9, historyBytesMax: 1e9 },
          ...(keysOf(round) === '' ? {} : { sealing: sealing(keysOf(round).split(',')) }),
        });
        expect(acknowledged.length).toBeGreaterThan(0);
        expect(ledger.revision).toBeGreaterThanOrEqual(Math.max(...acknowledged.map(({ revision }) => revision)));
        // What the watcher heard live is without gap from where this round began, and goes on in the replay.
        expect(seen.map(({ revision }) => revision)).toEqual(seen.map((_, i) => reached + 1 + i));
        const after = Math.max(ledger.compactedRevision, reached);
        const replay = ledger.changes({ after }).changes;
        expect(replay.map((change) => change.revision)).toEqual(replay.map((_, i) => after + 1 + i));
        const values = new Map(replay.map((change) => [change.revision, change.value]));
        for (const { revision, value } of [...acknowledged, ...seen])
          if (revision > after) expect(values.get(revision)).toBe(value);
        expect(after + replay.length).toBe(ledger.revision);
        reached = ledger.revision;
      }
      expect(reached).toBeGreaterThan(100);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  },
);
