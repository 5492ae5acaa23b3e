// The secrets of a test cluster, made afresh for every run: an admin token, a CA and a service account key. Runs in Node.
import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function keyPair(): Promise<{ keys: CryptoKeyPair; pem: string }> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as webcrypto.CryptoKey));
  const base64 = der.toString('base64').replace(/(.{64})/g, '$1\n');
  return { keys, pem: `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n` };
}

export async function testSecrets(): Promise<Record<string, string>> {
  const ca = await keyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=tiffin-test',
    keys: ca.keys,
    signingAlgorithm: algorithm,
    notAfter: new Date(Date.now() + 365 * 24 * 3600_000),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    ADMIN_TOKEN: 'test-admin',
    CLUSTER_CA_CERT: certificate.toString('pem'),
    CLUSTER_CA_KEY: ca.pem,
    SERVICE_ACCOUNT_KEY: (await keyPair()).pem,
    ENCRYPTION_KEYS: JSON.stringify([
      { name: 'of-tests', secret: Buffer.from(webcrypto.getRandomValues(new Uint8Array(32))).toString('base64') },
    ]),
    CLUSTER_CONFIG: JSON.stringify({ longPoll: 'always', nodeGraceMs: 5_000, nodeHeartbeatMs: 2_000 }),
  };
}
