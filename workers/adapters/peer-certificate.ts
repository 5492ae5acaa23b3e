// The client certificate of a request, as Cloudflare saw it when it terminated TLS. workerd itself says nothing of one. `cf` is
// made by the runtime: no header of a client ends up in it.
import type { PeerCertificate } from '../../src/machinery/http.ts';

/** The request, with the certificate that its client presented. */
export function withPeerCertificate(request: Request): Request {
  const certificate = peerCertificate(request);
  return certificate ? Object.assign(request, { peerCertificate: certificate }) : request;
}

/** Undefined: none was presented, or nobody asked for one. */
export function peerCertificate({ cf }: Request): PeerCertificate | undefined {
  const tls = (cf as Partial<IncomingRequestCfProperties> | undefined)?.tlsClientAuth;
  if (tls?.certPresented !== '1') return undefined;
  const { certVerified, certRevoked, certNotAfter } = tls;
  const over = !(Date.parse(certNotAfter) > Date.now());
  return {
    verified: certVerified === 'SUCCESS' && certRevoked === '0' && !over,
    subject: tls.certSubjectDNRFC2253,
    issuer: tls.certIssuerDNRFC2253,
    issuerKeyId: tls.certIssuerSKI,
    fingerprint: tls.certFingerprintSHA256,
  };
}
