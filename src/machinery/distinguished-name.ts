// Distinguished names, from the two forms in which they come: text of RFC 2253 (most significant part last), and the DER of
// certificates (first). What cannot be read for certain is no name: they say who somebody is.

import { toHex } from './bytes.ts';
import { type Der, derElements, derSequence, derSigned, derTags, pemBlocks } from './pem.ts';

export interface NamePart {
  /** `CN`, `O`, …, or an OID with dots. */
  readonly type: string;
  readonly value: string;
}

/** The types that have a short name. */
const shortNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** In the order of certificates; undefined for what is no such name. */
export function parseNameText(text: string): NamePart[] | undefined {
  const parts: NamePart[] = [];
  let at = 0;
  while (at < text.length) {
    const [head = '', type = ''] = /^([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)=/.exec(text.slice(at)) ?? [];
    if (head === '') return undefined;
    const value = readValue(text, at + head.length);
    if (!value) return undefined;
    parts.push({ type, value: value.text });
    at = value.end;
    if (at === text.length) return parts.reverse();
    at++;
  }
  return undefined;
}

/** Up to the next comma or plus sign that is none of the value's. */
function readValue(text: string, start: number): { text: string; end: number } | undefined {
  const bytes: number[] = [];
  let at = start;
  for (; at < text.length && !/[,+]/.test(text[at] as string); at++) {
    const char = String.fromCodePoint(text.codePointAt(at) as number);
    if (/["<>;]/.test(char)) return undefined;
    if (char !== '\\') {
      bytes.push(...new TextEncoder().encode(char));
      at += char.length - 1;
      continue;
    }
    const hex = /^[0-9A-Fa-f]{2}/.exec(text.slice(at + 1, at + 3))?.[0];
    const next = text[at + 1];
    if (hex) bytes.push(Number.parseInt(hex, 16));
    else if (next !== undefined && /[,+"\\<>;= #]/.test(next)) bytes.push(next.charCodeAt(0));
    else return undefined;
    at += hex ? 2 : 1;
  }
  const raw = text.slice(start, at);
  const value = raw.startsWith('#') ? hexValue(raw.slice(1)) : utf8Text(Uint8Array.from(bytes));
  return value === undefined ? undefined : { text: value, end: at };
}

function hexValue(hex: string): string | undefined {
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(hex)) return undefined;
  const bytes = Uint8Array.from(hex.match(/../g) as string[], (byte) => Number.parseInt(byte, 16));
  const elements = derElements(bytes);
  return elements?.length === 1 ? textOf(elements[0]) : undefined;
}

/** The parts of a DER `Name`, in its order. */
function parseNameDer(name: Der | undefined): NamePart[] | undefined {
  const sets = derSequence(name);
  if (!sets) return undefined;
  const parts: NamePart[] = [];
  for (const set of sets) {
    const pairs = set.tag === derTags.set ? derElements(set.bytes) : undefined;
    if (!pairs?.length) return undefined;
    for (const pair of pairs) {
      const [type, value] = derSequence(pair, derTags.oid) ?? [];
      const text = textOf(value);
      if (!type || text === undefined) return undefined;
      const oid = oidText(type.bytes);
      parts.push({ type: shortNames[oid] ?? oid, value: text });
    }
  }
  return parts;
}

const textTags = { utf8: 0x0c, printable: 0x13, ia5: 0x16 } as const;

function textOf(element: Der | undefined): string | undefined {
  const known = Object.values(textTags) as readonly (number | undefined)[];
  return element && known.includes(element.tag) ? utf8Text(element.bytes) : undefined;
}

/** Control characters are in nobody's name. */
function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function oidText(bytes: Uint8Array): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...rest].join('.');
}

const contextTags = { version: 0xa0, extensions: 0xa3 } as const;
/** 2.5.29.14. */
const subjectKeyIdentifier = '551d0e';

/** Of the certificate (PEM) of an authority: its name, and its subject key identifier in hexadecimal digits. */
export function authorityIdentity(pem: string): { name: NamePart[]; keyId: string } | undefined {
  const block = pemBlocks(pem).find(({ type }) => type === 'CERTIFICATE');
  const [toBeSigned] = (block && derSigned(block.bytes)) ?? [];
  const fields = derSequence(toBeSigned) ?? [];
  // serialNumber, signature, issuer, validity, subject, …
  const first = fields[0]?.tag === contextTags.version ? 1 : 0;
  const name = parseNameDer(fields[first + 4]);
  const keyId = keyIdOf(fields.find(({ tag }) => tag === contextTags.extensions));
  return name && name.length > 0 && keyId ? { name, keyId } : undefined;
}

function keyIdOf(extensions: Der | undefined): string | undefined {
  for (const extension of derSequence((extensions && derElements(extensions.bytes))?.[0]) ?? []) {
    const parts = derSequence(extension, derTags.oid) ?? [];
    if (!parts[0] || toHex(parts[0].bytes) !== subjectKeyIdentifier) continue;
    const [inner] = derElements(parts.at(-1)?.bytes ?? new Uint8Array()) ?? [];
    return inner && toHex(inner.bytes);
  }
  return undefined;
}
