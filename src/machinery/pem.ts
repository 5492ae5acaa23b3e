// PEM blocks (RFC 7468), found as Go's encoding/pem finds them: text around them is skipped, and so is what only looks like
// one; and the outline of the DER that they hold. Signatures are not checked.

import { fromBase64, toBase64 } from './bytes.ts';
export interface PemBlock {
  readonly type: string;
  /** Whether it has headers, as encrypted keys do. */
  readonly headers: boolean;
  readonly bytes: Uint8Array;
}

const begin = '-----BEGIN ';
const end = '-----END ';
const dashes = '-----';

/** Each line is looked at once, however many blocks begin and never end. */
export function pemBlocks(text: string): PemBlock[] {
  const out: PemBlock[] = [];
  let open: { type: string; lines: string[] } | undefined;
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (line.startsWith(begin) && line.endsWith(dashes))
      open = { type: line.slice(begin.length, -dashes.length), lines: [] };
    else if (line.startsWith(end) && open) {
      const block = line === `${end}${open.type}${dashes}` ? blockOf(open.type, open.lines) : undefined;
      if (block) out.push(block);
      open = undefined;
    } else open?.lines.push(line);
  }
  return out;
}

function blockOf(type: string, lines: readonly string[]): PemBlock | undefined {
  const first = lines.findIndex((line) => !line.includes(':'));
  const headers = first < 0 ? lines.length : first;
  const bytes = fromBase64(lines.slice(headers).join(''));
  return bytes && { type, headers: headers > 0, bytes };
}

/** One block, in lines of 64 characters. */
export function pemText(type: string, bytes: Uint8Array): string {
  const lines = toBase64(bytes).replace(/.{1,64}/g, '$&\n');
  return `${begin}${type}${dashes}\n${lines}${end}${type}${dashes}\n`;
}

export interface Der {
  readonly tag: number;
  readonly bytes: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

export const derTags = { integer: 0x02, bitString: 0x03, oid: 0x06, sequence: 0x30, set: 0x31 } as const;

/** The elements that `bytes` are a row of; undefined when they are none. */
export function derElements(bytes: Uint8Array): Der[] | undefined {
  const out: Der[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const tag = bytes[at++] as number;
    let length = bytes[at++];
    // High tag numbers and indefinite lengths occur in no certificate.
    if (length === undefined || (tag & 0x1f) === 0x1f || length === 0x80) return undefined;
    if (length > 0x80) {
      const size = length & 0x7f;
      if (size > 4 || at + size > bytes.length) return undefined;
      length = 0;
      for (let i = 0; i < size; i++) length = length * 256 + (bytes[at++] as number);
    }
    if (at + length > bytes.length) return undefined;
    const end = at + length;
    out.push({ tag, bytes: bytes.subarray(at, end), whole: bytes.subarray(start, end) });
    at = end;
  }
  return out;
}

/** The elements of a sequence whose first ones have these tags; undefined otherwise. */
export function derSequence(element: Der | undefined, ...tags: number[]): Der[] | undefined {
  if (element?.tag !== derTags.sequence) return undefined;
  const inner = derElements(element.bytes);
  return inner && tags.every((tag, i) => inner[i]?.tag === tag) ? inner : undefined;
}

/** Something signed: to be signed, algorithm, signature. Certificates and requests are. */
export function derSigned(bytes: Uint8Array): Der[] | undefined {
  const { sequence, bitString } = derTags;
  const outer = derElements(bytes);
  const parts = outer?.length === 1 ? derSequence(outer[0], sequence, sequence, bitString) : undefined;
  return parts?.length === 3 ? parts : undefined;
}
