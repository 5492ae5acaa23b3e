// The CertificateSigner port with @peculiar/x509 and WebCrypto: signs with the cluster's CA key, EC P-256.
import type * as X509 from '@peculiar/x509';
import type { CertificateSigner, SignRequest } from '../../src/apiserver/nodes/certificate.ts';
import { fromBase64, toHex } from '../../src/machinery/bytes.ts';
import { errors } from '../../src/machinery/errors.ts';
import type { Clock } from '../../src/ports/index.ts';

/** Evaluated when a certificate is first signed: it is a good part of what an isolate would do at its start. */
async function library(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of nodes differ a little. */
const backdateMs = 5 * 60_000;

export function certificateSigner(caCertificate: string, caKey: string, clock: Clock): CertificateSigner {
  let issuer: Promise<{ subject: string; notAfter: Date; key: CryptoKey }> | undefined;
  const load = async (x509: typeof X509) => ({
    subject: new x509.X509Certificate(caCertificate).subject,
    notAfter: new x509.X509Certificate(caCertificate).notAfter,
    key: await crypto.subtle.importKey('pkcs8', pemBytes(caKey), algorithm, false, ['sign']),
  });
  return {
    ca: caCertificate,
    async agree(publicKey) {
      const ecdh = { name: 'ECDH', namedCurve: 'P-256' };
      const theirs = await crypto.subtle.importKey('raw', publicKey, ecdh, false, []);
      const own = await crypto.subtle.importKey('pkcs8', pemBytes(caKey), ecdh, false, ['deriveBits']);
      // The runtime's name for `public` is its own in some versions of the types.
      const from = { name: 'ECDH', public: theirs, $public: theirs };
      return new Uint8Array(await crypto.subtle.deriveBits(from, own, 256));
    },
    async sign(request: SignRequest) {
      const x509 = await library();
      const csr = await parse(x509, request.csr);
      issuer ??= load(x509);
      const { subject, notAfter: caEnd, key } = await issuer;
      const now = clock.now();
      const notAfter = new Date(Math.min(now + request.lifetimeMs, caEnd.getTime()));
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${request.commonName}`,
        issuer: subject,
        notBefore: new Date(now - backdateMs),
        notAfter,
        publicKey: csr.publicKey,
        signingKey: key,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([
            ...request.dnsNames.map((value) => ({ type: 'dns' as const, value })),
            ...request.addresses.map((value) => ({ type: 'ip' as const, value })),
          ]),
        ],
      });
      return { certificate: certificate.toString('pem'), notAfter: notAfter.toISOString() };
    },
  };
}

async function parse(x509: typeof X509, pem: string): Promise<X509.Pkcs10CertificateRequest> {
  let csr: X509.Pkcs10CertificateRequest;
  try {
    csr = new x509.Pkcs10CertificateRequest(pem);
    if (await csr.verify()) return csr;
  } catch {
    throw errors.badRequest('csr: not a PKCS#10 certificate request in PEM');
  }
  throw errors.badRequest('csr: the signature does not match the public key');
}

/** 16 random bytes, positive as RFC 5280 asks. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return toHex(bytes);
}

function pemBytes(pem: string): Uint8Array {
  const base64 = pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, '');
  return fromBase64(base64) ?? new Uint8Array();
}
