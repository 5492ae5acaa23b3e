// Keys out of PEM texts, in every form that upstream's --service-account-key-file takes: PKCS#8, SEC1 and PKCS#1 private
// keys, PKIX and PKCS#1 public keys, certificates. All of them leave as PKCS#8 or SPKI, which is what WebCrypto reads. Checks
// no key: whoever imports it does.

import { fromBase64 } from '../../../../machinery/bytes.ts';
import { type Der, derElements, derTags } from '../../../../machinery/pem.ts';

export type Algorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

export interface PemKey {
  /** Private: PKCS#8. Public: SPKI. */
  private: boolean;
  der: Uint8Array<ArrayBuffer>;
  /** The one with which such keys sign: upstream knows no other for them. */
  algorithm: Algorithm;
}

/** What cannot be used, and why. */
export class PemError extends Error {
  override readonly name = 'PemError';
}

const rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ecPublicKey = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const curves: readonly (readonly [Algorithm, readonly number[]])[] = [
  ['ES256', [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]],
  ['ES384', [0x2b, 0x81, 0x04, 0x00, 0x22]],
  ['ES512', [0x2b, 0x81, 0x04, 0x00, 0x23]],
];

const tags = { ...derTags, octets: 0x04, null: 0x05, version: 0xa0 } as const;

const block = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

/** The keys of a text, in its order; blocks that are no keys (EC PARAMETERS) do not count. Throws {@link PemError}. */
export function pemKeys(text: string): PemKey[] {
  const keys: PemKey[] = [];
  for (const [, label = '', base64 = ''] of text.matchAll(block)) {
    const read = Object.hasOwn(readers, label) ? readers[label] : undefined;
    if (!read) continue;
    const der = decode(label, base64);
    try {
      keys.push(read(der));
    } catch (error) {
      if (error instanceof PemError) throw error;
      throw new PemError(`${label}: not what its label says`);
    }
  }
  return keys;
}

const readers: Readonly<Record<string, (der: Uint8Array<ArrayBuffer>) => PemKey>> = {
  'PRIVATE KEY': (der) => privateKey(der, algorithmOf(children(der)[1])),
  'EC PRIVATE KEY'(der) {
    const parameters = children(der).find(({ tag }) => tag === tags.version);
    const curve = curveOf(elements(parameters?.bytes)[0]);
    return privateKey(pkcs8(ecPublicKey, element(tags.oid, curve[1]), der), curve[0]);
  },
  'RSA PRIVATE KEY': (der) => privateKey(pkcs8(rsa, element(tags.null, []), der), 'RS256'),
  'PUBLIC KEY': (der) => publicKey(der, algorithmOf(children(der)[0])),
  'RSA PUBLIC KEY'(der) {
    const spki = sequence(
      sequence(element(tags.oid, rsa), element(tags.null, [])),
      element(tags.bitString, [0, ...der]),
    );
    return publicKey(spki, 'RS256');
  },
  CERTIFICATE(der) {
    const fields = children(children(der)[0]?.whole);
    // Serial number, signature, issuer, validity and subject come first, and before them the version unless it is 1.
    const spki = fields[fields[0]?.tag === tags.version ? 6 : 5];
    return publicKey(Uint8Array.from(spki?.whole ?? []), algorithmOf(children(spki?.whole)[0]));
  },
};

const privateKey = (der: Uint8Array<ArrayBuffer>, algorithm: Algorithm): PemKey => ({ private: true, der, algorithm });
const publicKey = (der: Uint8Array<ArrayBuffer>, algorithm: Algorithm): PemKey => ({ private: false, der, algorithm });

function decode(label: string, base64: string): Uint8Array<ArrayBuffer> {
  const der = fromBase64(base64.replace(/\s+/g, ''));
  if (!der) throw new PemError(`${label}: not base64`);
  return der;
}

function elements(der: Uint8Array = new Uint8Array()): Der[] {
  const found = derElements(der);
  if (!found) throw new PemError('cut short');
  return found;
}

function children(der: Uint8Array | undefined): Der[] {
  const [outer] = elements(der);
  if (outer?.tag !== tags.sequence) throw new PemError('not a sequence');
  return elements(outer.bytes);
}

/** Of an AlgorithmIdentifier. */
function algorithmOf(identifier: Der | undefined): Algorithm {
  const [oid, parameters] = children(identifier?.whole);
  if (oid && equal(oid.bytes, rsa)) return 'RS256';
  if (oid && equal(oid.bytes, ecPublicKey)) return curveOf(parameters)[0];
  throw new PemError('neither an RSA nor an EC key');
}

function curveOf(oid: Der | undefined): (typeof curves)[number] {
  const curve = oid && curves.find(([, known]) => equal(oid.bytes, known));
  if (!curve) throw new PemError('unknown private key curve, must be 256, 384, or 521');
  return curve;
}

const equal = (a: Uint8Array, b: readonly number[]): boolean =>
  a.length === b.length && b.every((byte, index) => a[index] === byte);

function pkcs8(oid: readonly number[], parameters: Uint8Array, key: Uint8Array): Uint8Array<ArrayBuffer> {
  return sequence(
    element(tags.integer, [0]),
    sequence(element(tags.oid, oid), parameters),
    element(tags.octets, [...key]),
  );
}

const sequence = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> =>
  element(
    tags.sequence,
    parts.flatMap((part) => [...part]),
  );

function element(tag: number, content: readonly number[]): Uint8Array<ArrayBuffer> {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([tag, ...size, ...content]);
}
