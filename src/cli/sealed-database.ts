// What `up` looks at in the API server's database before it starts it: whether the keys are there that rows are sealed under,
// and whether free space may still hold what was once stored in plain. Reads and tidies; changes no row of the ledger.
import { hkdfSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Configuration } from '../configuration/configuration.ts';
import { readEncryptionKeys } from './encryption-keys.ts';
import { CliError } from './errors.ts';
import type { StatePaths } from './paths.ts';
import { pkiFiles } from './pki.ts';

const prefix = 'cluster:';

function databases(paths: StatePaths): string[] {
  const dir = path.join(paths.ledger, 'tiffin-ApiServer');
  if (!fs.existsSync(dir)) return [];
  const files = fs.readdirSync(dir).filter((name) => name.endsWith('.sqlite') && name !== 'metadata.sqlite');
  return files.map((name) => path.join(dir, name));
}

/** None where there is no such table yet. */
function rows<Row>(db: DatabaseSync, table: string, select: string): Row[] {
  const known = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table);
  return known ? (db.prepare(select).all() as Row[]) : [];
}

/** Keys under which a row is sealed, by the number of the data key that its blob begins with. */
const neededKeys = `SELECT DISTINCT sealed_under FROM ledger_data_key WHERE EXISTS (
  SELECT 1 FROM ledger_log WHERE typeof(value) = 'blob' AND substr(value, 1, 5) = unhex(printf('01%08x', ledger_data_key.id)))`;

/** As the ledger calls a key: by its name, and a mark that its secret makes. Were it another, no `up` would find its keys. */
function idOf(name: string, secret: string): string {
  const mark = hkdfSync('sha256', Buffer.from(secret, 'base64'), '', 'tiffin.dev ledger: id of the key', 32);
  return `${name}#${Buffer.from(mark).toString('hex').slice(0, 8)}`;
}

const nameOf = (id: string): string => id.replace(/#[^#]*$/, '');

/** Ids of all keys that are there: `cluster:NAME#MARK`, `aesgcm:NAME#MARK`. */
function present(paths: StatePaths, configuration: Configuration): Set<string> {
  const file = pkiFiles(paths.pki).encryptionKeys;
  const ofCluster = fs.existsSync(file)
    ? readEncryptionKeys(file).map(({ name, secret }) => idOf(prefix + name, secret))
    : [];
  const providers = (configuration.encryption ?? []).flatMap((entry) => entry.providers);
  const own = providers.flatMap((one) =>
    one.type === 'aesgcm' ? one.keys.map(({ name, secret }) => idOf(`aesgcm:${name}`, secret)) : [],
  );
  return new Set([...ofCluster, ...own]);
}

/** Throws CliError where the database needs a key that is not there: before anything is changed, started or made in its place. */
export function checkEncryptionKeys(paths: StatePaths, configuration: Configuration): void {
  const needed = new Set<string>();
  for (const name of databases(paths)) {
    const db = new DatabaseSync(name, { readOnly: true });
    try {
      for (const { sealed_under } of rows<{ sealed_under: string }>(db, 'ledger_data_key', neededKeys))
        needed.add(sealed_under);
    } finally {
      db.close();
    }
  }
  if (needed.size === 0) return;
  const there = present(paths, configuration);
  const missing = [...needed].filter((id) => !there.has(id)).map(nameOf);
  if (missing.length === 0) return;
  const other = missing.find((name) => [...there].some((id) => nameOf(id) === name));
  if (other !== undefined)
    throw new CliError(
      `what ${paths.ledger} holds is encrypted under a key ${other} with another secret than the one that is given.
Put that secret back, and give a new one a name of its own. Nothing was started or changed.`,
    );
  const own = missing.find((name) => !name.startsWith(prefix));
  if (own !== undefined)
    throw new CliError(
      `what ${paths.ledger} holds is encrypted under ${own}, which the configuration does not name any more.
Leave that key in, as the last provider, until tiffin keys status shows no rows that need it. Nothing was started or changed.`,
    );
  throw new CliError(
    `the Secrets in ${paths.ledger} are encrypted under ${missing.join(', ')}, which ${pkiFiles(paths.pki).encryptionKeys} does not hold.
Put that file back. Without it they cannot be read by anyone; nothing was started or changed.
(Without the Secrets: tiffin down --purge, and begin anew.)`,
  );
}

/** Writes the database anew where rows were once stored in plain. Only while nobody has it open. Returns whether it did. */
export function scrubDatabases(paths: StatePaths): boolean {
  let scrubbed = false;
  for (const name of databases(paths)) {
    const db = new DatabaseSync(name);
    try {
      const [walk] = rows<{ done: number; wasPlain: number }>(
        db,
        'ledger_reseal',
        'SELECT done, wasPlain FROM ledger_reseal',
      );
      if (!walk?.done || !walk.wasPlain) continue;
      db.exec(
        'PRAGMA secure_delete = ON; VACUUM; UPDATE ledger_reseal SET wasPlain = 0; PRAGMA wal_checkpoint(TRUNCATE)',
      );
      scrubbed = true;
    } finally {
      db.close();
    }
  }
  return scrubbed;
}
