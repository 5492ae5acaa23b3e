// Nobody asks the API server's client signer for a certificate of system:masters.
import type { CertificateSigningRequest } from '../../generated/schemas/certificates-v1.ts';
import { fromBase64 } from '../../machinery/bytes.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { type Der, derElements, derSequence, derSigned, derTags, pemBlocks } from '../../machinery/pem.ts';
import type { AdmissionPlugin } from './chain.ts';

const signer = 'kubernetes.io/kube-apiserver-client';
const masters = 'system:masters';
/** Object identifiers 2.5.4.10 and 2.5.4.3. */
const organization = [0x55, 0x04, 0x0a];
export const commonName = [0x55, 0x04, 0x03];

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  validate({ operation, definition, subresource, name, object }) {
    if (operation !== 'CREATE' || subresource !== '') return;
    if (groupResource(definition) !== 'certificatesigningrequests.certificates.k8s.io') return;
    const { spec } = object as CertificateSigningRequest;
    if (spec.signerName === signer && subjectOf(spec.request, organization).includes(masters))
      throw errors.forbidden(definition, name, `use of ${signer} signer with ${masters} group is not allowed`);
  },
};

/** What the subject of a certificate request (PKCS#10), which validation has found to be one, has of an attribute. */
export function subjectOf(request: string, attributeId: readonly number[]): string[] {
  const { integer, sequence, oid } = derTags;
  const text = new TextDecoder().decode(fromBase64(request) ?? new Uint8Array());
  const info = derSigned(pemBlocks(text)[0]?.bytes ?? new Uint8Array())?.[0];
  const subject: Der | undefined = derSequence(info, integer, sequence)?.[1];
  const sets = derElements(subject?.bytes ?? new Uint8Array()) ?? [];
  return sets
    .flatMap((set) => derElements(set.bytes) ?? [])
    .flatMap((attribute) => {
      const parts = derSequence(attribute, oid);
      const id = parts?.[0]?.bytes;
      const same = id?.length === attributeId.length && attributeId.every((byte, i) => id[i] === byte);
      return same && parts?.[1] ? [new TextDecoder().decode(parts[1].bytes)] : [];
    });
}
