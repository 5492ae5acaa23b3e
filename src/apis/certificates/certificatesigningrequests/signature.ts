// Whether a certificate request (PKCS#10) is signed with the key that it names: proof that who asks has it. In the words of Go's
// crypto/x509. Algorithms that Web Cryptography does not know are taken on trust.

import { toHex } from '../../../machinery/bytes.ts';
import { derElements, derSequence, derSigned, derTags } from '../../../machinery/pem.ts';

interface Algorithm {
  readonly name: string;
  readonly hash?: string;
  readonly saltLength?: number;
}
interface Kind {
  readonly key: 'RSA' | 'ECDSA' | 'Ed25519';
  readonly algorithm: Algorithm;
}

const rsa = (hash: string): Kind => ({ key: 'RSA', algorithm: { name: 'RSASSA-PKCS1-v1_5', hash } });
const ecdsa = (hash: string): Kind => ({ key: 'ECDSA', algorithm: { name: 'ECDSA', hash } });
/** Signature algorithms by object identifier, in hexadecimal. */
const kinds: Record<string, Kind> = {
  '2a864886f70d010105': rsa('SHA-1'),
  '2a864886f70d01010b': rsa('SHA-256'),
  '2a864886f70d01010c': rsa('SHA-384'),
  '2a864886f70d01010d': rsa('SHA-512'),
  '2a8648ce3d0401': ecdsa('SHA-1'),
  '2a8648ce3d040302': ecdsa('SHA-256'),
  '2a8648ce3d040303': ecdsa('SHA-384'),
  '2a8648ce3d040304': ecdsa('SHA-512'),
  '2b6570': { key: 'Ed25519', algorithm: { name: 'Ed25519' } },
};
const md5 = '2a864886f70d010104';
const keyKinds: Record<string, { key: Kind['key']; go: string }> = {
  '2a864886f70d010101': { key: 'RSA', go: '*rsa.PublicKey' },
  '2a8648ce3d0201': { key: 'ECDSA', go: '*ecdsa.PublicKey' },
  '2b6570': { key: 'Ed25519', go: 'ed25519.PublicKey' },
};
/** Curves by object identifier: their name, and the bytes of a number of theirs. */
const curves: Record<string, readonly [name: string, bytes: number]> = {
  '2a8648ce3d030107': ['P-256', 32],
  '2b81040022': ['P-384', 48],
  '2b81040023': ['P-521', 66],
};
const failures: Record<Kind['key'], string> = {
  RSA: 'crypto/rsa: verification error',
  ECDSA: 'x509: ECDSA verification failure',
  Ed25519: 'x509: Ed25519 verification failure',
};

const hex = (bytes: Uint8Array | undefined): string => toHex(bytes ?? new Uint8Array());

/** What is wrong with the signature of a request whose outline is right; undefined: nothing that can be seen. */
export async function signatureProblem(request: Uint8Array): Promise<string | undefined> {
  const { integer, sequence, oid, bitString } = derTags;
  const [info, algorithm, signature] = derSigned(request) ?? [];
  const key = derSequence(info, integer, sequence, sequence)?.[2];
  const keyParts = derSequence(key, sequence, bitString);
  if (!info || !key || !keyParts || !signature) return undefined;
  const [keyOid, curveOid] = derSequence(keyParts[0], oid) ?? [];
  const signedWith = hex(derSequence(algorithm, oid)?.[0]?.bytes);
  if (signedWith === md5) return 'x509: cannot verify signature: insecure algorithm MD5-RSA';
  const kind = Object.hasOwn(kinds, signedWith) ? kinds[signedWith] : undefined;
  const keyId = hex(keyOid?.bytes);
  const keyKind = Object.hasOwn(keyKinds, keyId) ? keyKinds[keyId] : undefined;
  if (!kind || !keyKind) return undefined;
  if (kind.key !== keyKind.key)
    return `x509: signature algorithm specifies an ${kind.key} public key, but have public key of type ${keyKind.go}`;
  const curve = curves[hex(curveOid?.bytes)];
  if (kind.key === 'ECDSA' && !curve) return undefined;
  const bits = signature.bytes.subarray(1);
  const proof = curve ? joined(bits, curve[1]) : bits;
  const holds = proof !== undefined && (await verify(kind, curve?.[0], key.whole, proof, info.whole));
  return holds ? undefined : failures[kind.key];
}

async function verify(
  { algorithm }: Kind,
  namedCurve: string | undefined,
  key: Uint8Array,
  signature: Uint8Array,
  signed: Uint8Array,
): Promise<boolean> {
  const of = { ...algorithm, ...(namedCurve ? { namedCurve } : {}) };
  try {
    const imported = await crypto.subtle.importKey('spki', key.slice(), of, false, ['verify']);
    return await crypto.subtle.verify(algorithm, imported, signature.slice(), signed.slice());
  } catch {
    // A key that cannot be read verifies nothing.
    return false;
  }
}

/** The two numbers of an ECDSA signature side by side, as Web Cryptography wants them. */
function joined(signature: Uint8Array, size: number): Uint8Array | undefined {
  const { integer } = derTags;
  const numbers = derSequence(derElements(signature)?.[0], integer, integer);
  if (numbers?.length !== 2) return undefined;
  const out = new Uint8Array(2 * size);
  for (const [i, { bytes }] of numbers.entries()) {
    const digits = bytes.subarray(Math.max(0, bytes.length - size));
    if (bytes.subarray(0, bytes.length - digits.length).some((byte) => byte !== 0)) return undefined;
    out.set(digits, (i + 1) * size - digits.length);
  }
  return out;
}
