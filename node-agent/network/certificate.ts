// The certificate with which this node serves the API to its pods: the key stays on the node, the control plane signs a
// request, the result is kept on disk (so that pods are served while the control plane is away) and renewed at two thirds
// of its life.
import { webcrypto } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { pemText } from '../../src/machinery/pem.ts';
import type { CertificateResponse } from '../../src/protocol/node.ts';

export interface ServingCertificate {
  key: string;
  certificate: string;
  notBefore: number;
  notAfter: number;
}

/** Milliseconds from `now` until the certificate should be renewed; 0 when it is due. */
export function renewInMs(c: ServingCertificate, now: number): number {
  return Math.max(0, c.notBefore + ((c.notAfter - c.notBefore) * 2) / 3 - now);
}

export async function storedCertificate(directory: string): Promise<ServingCertificate | undefined> {
  const text = await fs.readFile(path.join(directory, 'api-endpoint.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ServingCertificate);
}

export async function requestCertificate(
  directory: string,
  nodeName: string,
  sign: (csr: string) => Promise<CertificateResponse>,
): Promise<ServingCertificate> {
  // Loaded only where a certificate is due: it costs a fifth of a second, which a start does not have.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=system:node:${nodeName}, O=system:nodes`,
    keys,
    signingAlgorithm: algorithm,
  });
  const { certificate } = await sign(csr.toString('pem'));
  const parsed = new x509.X509Certificate(certificate);
  const result: ServingCertificate = {
    key: pemText('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))),
    certificate,
    notBefore: parsed.notBefore.getTime(),
    notAfter: parsed.notAfter.getTime(),
  };
  const file = path.join(directory, 'api-endpoint.json');
  await fs.writeFile(`${file}.new`, JSON.stringify(result), { mode: 0o600 });
  await fs.rename(`${file}.new`, file);
  return result;
}
