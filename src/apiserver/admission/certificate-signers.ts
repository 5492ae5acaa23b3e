// CertificateApproval and CertificateSigning: whoever approves a CertificateSigningRequest, or puts a certificate or
// conditions into its status, must be allowed to do so for its signer.
import type { CertificateSigningRequest } from '../../generated/schemas/certificates-v1.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { deepEqual } from '../../machinery/validation.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

export const certificateApproval = (authorizer: Authorizer): AdmissionPlugin => ({
  name: 'CertificateApproval',
  validate(request) {
    if (isUpdateOf(request, 'approval')) requireSigner(authorizer, request, 'approve');
  },
});

export const certificateSigning = (authorizer: Authorizer): AdmissionPlugin => ({
  name: 'CertificateSigning',
  validate(request) {
    if (!isUpdateOf(request, 'status')) return;
    const { status } = request.object as CertificateSigningRequest;
    const { status: before } = request.old as CertificateSigningRequest;
    const signed = (status?.certificate ?? '') !== (before?.certificate ?? '');
    if (signed || !deepEqual(status?.conditions, before?.conditions)) requireSigner(authorizer, request, 'sign');
  },
});

const isUpdateOf = ({ operation, definition, subresource }: AdmissionRequest, part: string): boolean =>
  operation === 'UPDATE' &&
  subresource === part &&
  groupResource(definition) === 'certificatesigningrequests.certificates.k8s.io';

/** Of the signer that was asked for, whatever the update says. */
function requireSigner(
  authorizer: Authorizer,
  { definition, name, user, old }: AdmissionRequest,
  verb: 'approve' | 'sign',
): void {
  const { signerName } = (old as CertificateSigningRequest).spec;
  const domain = signerName.split('/')[0];
  if ([signerName, `${domain}/*`].some((signer) => mayFor(authorizer, user, verb, signer))) return;
  throw errors.forbidden(
    definition,
    name,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
  );
}

function mayFor(authorizer: Authorizer, user: User, verb: string, signer: string): boolean {
  const decision = authorizer.authorize({
    user,
    verb,
    isResource: true,
    path: '',
    group: 'certificates.k8s.io',
    version: '*',
    namespace: '',
    resource: 'signers',
    subresource: '',
    name: signer,
  });
  return decision?.allowed === true;
}
