// Client certificates: CN is the user, each O a group. This server terminates no TLS: whoever does (Cloudflare, where a custom
// hostname demands mTLS) has verified the certificate and says what is in it, beside the request and never in a header of
// it. Other authorities may be trusted for the same hostname, so that a certificate counts only when the configured one
// issued it, by name and by key.

import { authorityIdentity, type NamePart, parseNameText } from '../../machinery/distinguished-name.ts';
import type { PeerCertificate } from '../../machinery/http.ts';
import type { User } from '../core.ts';

export interface CertificateAuthenticator {
  /** A text says why the certificate is refused. */
  authenticate(certificate: PeerCertificate): User | string;
}

/** Of upstream's making: where a certificate says its user's uid. */
const uidType = '1.3.6.1.4.1.57683.2';

/** Throws where `authority` (PEM) is no certificate of an authority that can be recognised. */
export function certificateAuthenticator(authority: string): CertificateAuthenticator {
  const issuer = authorityIdentity(authority);
  if (!issuer) throw new Error('clientCertificates: a certificate with a name and a subject key identifier is needed');
  const issuerName = canonical(issuer.name);
  return {
    authenticate(certificate) {
      if (!certificate.verified) return 'it was not verified';
      const signed = parseNameText(certificate.issuer);
      if (!signed || canonical(signed) !== issuerName || normalHex(certificate.issuerKeyId) !== issuer.keyId)
        return 'certificate signed by unknown authority';
      const subject = parseNameText(certificate.subject);
      return subject ? userOf(subject, certificate) : 'its subject cannot be read';
    },
  };
}

function userOf(subject: readonly NamePart[], { fingerprint }: PeerCertificate): User | string {
  const values = (type: string) => subject.filter((part) => part.type === type).map((part) => part.value);
  const name = values('CN').at(-1);
  if (!name) return 'it names no user';
  const uids = values(uidType);
  if (uids.length > 1) return 'expected 1 UID, but found multiple';
  if (uids[0] === '') return 'UID cannot be an empty string';
  return {
    name,
    ...(uids[0] === undefined ? {} : { uid: uids[0] }),
    groups: values('O'),
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${normalHex(fingerprint)}`] },
  };
}

const canonical = (name: readonly NamePart[]): string => JSON.stringify(name.map(({ type, value }) => [type, value]));
const normalHex = (text: string): string => text.replaceAll(':', '').toLowerCase();
