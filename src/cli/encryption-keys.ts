// The keys under which a cluster's Secrets are stored: DIR/pki/encryption-keys, JSON, the first of which writes. Without them the
// Secrets in the database are lost, so nothing here ever replaces a file, or leaves a key out that it was not asked to.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.ts';

export interface EncryptionKey {
  name: string;
  /** Base64 of 32 bytes. */
  secret: string;
}

/** Named by the day, and told apart by chance. */
export function newEncryptionKey(nowMs: number): EncryptionKey {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  return { name: `${day}-${randomBytes(3).toString('hex')}`, secret: randomBytes(32).toString('base64') };
}

/** Throws CliError, which shows nothing of what the file holds. */
export function readEncryptionKeys(file: string): EncryptionKey[] {
  let keys: unknown;
  try {
    keys = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) throw new CliError(`cannot read ${file}: ${code}`);
  }
  if (Array.isArray(keys) && keys.every(isKey)) return keys;
  throw new CliError(
    `${file} is damaged: expected JSON, a list of {"name", "secret"} (base64 of 32 bytes). Put back a copy of it: nothing else opens the Secrets`,
  );
}

function isKey(one: unknown): one is EncryptionKey {
  const { name, secret } = (one ?? {}) as Partial<Record<keyof EncryptionKey, unknown>>;
  return typeof name === 'string' && typeof secret === 'string' && Buffer.from(secret, 'base64').length === 32;
}

/** Durable, and whole at any time. */
export function writeEncryptionKeys(file: string, keys: readonly EncryptionKey[]): void {
  fs.writeFileSync(`${file}.new`, JSON.stringify(keys), { mode: 0o600, flush: true });
  fs.renameSync(`${file}.new`, file);
  const dir = fs.openSync(path.dirname(file), 'r');
  fs.fsyncSync(dir);
  fs.closeSync(dir);
}
