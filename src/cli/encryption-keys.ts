// The keys under which a cluster's Secrets are stored: DIR/pki/encryption-keys, JSON, the first of which writes. Without them the
// Secrets in the database are lost, so nothing here ever replaces a file, or leaves a key out that it was not asked to.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
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

export function readEncryptionKeys(file: string): EncryptionKey[] {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as EncryptionKey[];
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Durable, and whole at any time. */
export function writeEncryptionKeys(file: string, keys: readonly EncryptionKey[]): void {
  fs.writeFileSync(`${file}.new`, JSON.stringify(keys), { mode: 0o600, flush: true });
  fs.renameSync(`${file}.new`, file);
}
