// The outline of the certificates and certificate requests (PKCS#10) in a CertificateSigningRequest. What is told of those that
// are malformed is what Go's parsers say at the same place, as far as an outline can tell.

import type { CertificateSigningRequest } from '../../../generated/schemas/certificates-v1.ts';
import { fromBase64 } from '../../../machinery/bytes.ts';
import { derSequence, derSigned, derTags, pemBlocks } from '../../../machinery/pem.ts';
import { signatureProblem } from './signature.ts';

const { integer, sequence } = derTags;
const text = (base64: string): string => new TextDecoder().decode(fromBase64(base64) ?? new Uint8Array());

/** What is wrong with `spec.request`; undefined: nothing. */
export function requestProblem(base64: string): string | undefined {
  const block = pemBlocks(text(base64))[0];
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  const signed = derSigned(block.bytes);
  if (!signed) return 'asn1: syntax error: sequence truncated';
  // Version, subject, public key; attributes may follow.
  const info = derSequence(signed[0], integer, sequence, sequence);
  return info ? undefined : "asn1: structure error: tags don't match";
}

/** What is wrong with the signature of a request that is one. */
export async function requestSignatureProblem({ spec }: CertificateSigningRequest): Promise<string | undefined> {
  const base64 = spec?.request;
  if (typeof base64 !== 'string' || requestProblem(base64)) return undefined;
  return signatureProblem(pemBlocks(text(base64))[0]?.bytes ?? new Uint8Array());
}

/** What is wrong with `status.certificate`; undefined: nothing, which an empty one is too. */
export function certificateProblem(base64: string | undefined): string | undefined {
  if (!base64) return undefined;
  const blocks = pemBlocks(text(base64));
  for (const { type, headers, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (headers) return 'no PEM block headers are permitted';
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    if (!derSigned(bytes)) return 'x509: malformed certificate';
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}
