// What keeps Secrets out of the node's disk: they are sealed (AES-256-GCM) under a key that lies where nothing survives a
// reboot. After one they cannot be opened, and come again from the control plane, as the kubelet's do.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export interface Sealer {
  /** One line of text. */
  seal(text: string): string;
  /** Undefined: it was sealed under another key, or changed. */
  open(sealed: string): string | undefined;
}

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** The key is made when it is first needed; where it cannot be kept, it is this process's alone. */
export function fileSealer(file: string): Sealer {
  let known: Buffer | undefined;
  const key = (): Buffer => {
    known ??= readKey(file) ?? makeKey(file);
    return known;
  };
  return {
    seal(text) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key(), nonce);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      if (bytes.length < nonceBytes + tagBytes) return undefined;
      const end = bytes.length - tagBytes;
      const decipher = createDecipheriv(algorithm, key(), bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
      decipher.setAuthTag(bytes.subarray(end));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, end)), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

function readKey(file: string): Buffer | undefined {
  try {
    const bytes = fs.readFileSync(file);
    return bytes.length === keyBytes ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function makeKey(file: string): Buffer {
  const made = randomBytes(keyBytes);
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    fs.writeFileSync(`${file}.new`, made, { mode: 0o600 });
    fs.renameSync(`${file}.new`, file);
  } catch {
    // Nowhere to keep it.
  }
  return made;
}
