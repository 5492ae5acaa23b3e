// The keys of a cluster, all under DIR/pki, made once: its CA, the service account signing key, the administrator's token,
// the keys under which Secrets are stored (see encryption-keys.ts); and
// the serving certificate of the local control plane, made anew when the addresses that it must name change or when it is about
// to expire. Private files have mode 0600. Does not issue certificates to nodes: the API server does.
import type { webcrypto } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { pemText } from '../machinery/pem.ts';
import { newEncryptionKey, writeEncryptionKeys } from './encryption-keys.ts';

export interface Pki {
  caCertificate: string;
  caKey: string;
  serviceAccountKey: string;
  encryptionKeys: string;
  adminToken: string;
  servingCertificate: string;
  servingKey: string;
}

export function pkiFiles(dir: string): Pki {
  const at = (name: string) => path.join(dir, name);
  return {
    caCertificate: at('ca.crt'),
    caKey: at('ca.key'),
    serviceAccountKey: at('service-account.key'),
    encryptionKeys: at('encryption-keys'),
    adminToken: at('admin-token'),
    servingCertificate: at('serving.crt'),
    servingKey: at('serving.key'),
  };
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const signing = { name: 'ECDSA', hash: 'SHA-256' };
const dayMs = 24 * 60 * 60 * 1000;
const caLifetimeMs = 3650 * dayMs;
const servingLifetimeMs = 365 * dayMs;
const renewBeforeMs = 30 * dayMs;

function writePrivate(file: string, text: string): void {
  fs.writeFileSync(`${file}.new`, text, { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
}

async function loadX509() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

const unpem = (text: string) => Buffer.from(text.replace(/-----[^-]+-----/g, '').replace(/\s/g, ''), 'base64');

async function newKey(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  return { keys, pem: pemText('PRIVATE KEY', new Uint8Array(await crypto.subtle.exportKey('pkcs8', keys.privateKey))) };
}

const serial = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
};

async function ensureCa(files: Pki, now: number): Promise<void> {
  // The key is written last but read first: a certificate without its key is one that was never finished.
  if (fs.existsSync(files.caKey) && fs.existsSync(files.caCertificate)) return;
  const x509 = await loadX509();
  const { keys, pem: keyPem } = await newKey();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=tiffin-ca-${Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString('hex')}`,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + caLifetimeMs),
    signingAlgorithm: signing,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  fs.writeFileSync(files.caCertificate, `${certificate.toString('pem')}\n`);
  writePrivate(files.caKey, keyPem);
}

interface ServingRecord {
  names: string[];
  notAfter: number;
}

async function ensureServing(files: Pki, dir: string, names: readonly string[], now: number): Promise<void> {
  const recordFile = path.join(dir, 'serving.json');
  const sorted = [...new Set(names)].sort();
  if (fs.existsSync(files.servingKey) && fs.existsSync(files.servingCertificate) && fs.existsSync(recordFile)) {
    const record = JSON.parse(fs.readFileSync(recordFile, 'utf8')) as ServingRecord;
    const current = record.notAfter - now > renewBeforeMs && JSON.stringify(record.names) === JSON.stringify(sorted);
    if (current) return;
  }
  const x509 = await loadX509();
  const ca = new x509.X509Certificate(fs.readFileSync(files.caCertificate, 'utf8'));
  const caKey = await crypto.subtle.importKey('pkcs8', unpem(fs.readFileSync(files.caKey, 'utf8')), algorithm, false, [
    'sign',
  ]);
  const { keys, pem: keyPem } = await newKey();
  const notAfter = now + servingLifetimeMs;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=kube-apiserver',
    issuer: ca.subject,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(notAfter),
    signingAlgorithm: signing,
    publicKey: keys.publicKey,
    signingKey: caKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        sorted.map((value) => ({ type: net.isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  });
  writePrivate(files.servingKey, keyPem);
  fs.writeFileSync(files.servingCertificate, `${certificate.toString('pem')}\n`);
  fs.writeFileSync(recordFile, JSON.stringify({ names: sorted, notAfter } satisfies ServingRecord));
}

/**
 * Makes what is missing. `names`: every address and host name under which the control plane is dialled; none for one that is
 * deployed elsewhere and brings its own certificate.
 */
export async function ensurePki(dir: string, names: readonly string[], now: number): Promise<Pki> {
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = pkiFiles(dir);
  await ensureCa(files, now);
  if (!fs.existsSync(files.serviceAccountKey)) writePrivate(files.serviceAccountKey, (await newKey()).pem);
  if (!fs.existsSync(files.encryptionKeys)) writeEncryptionKeys(files.encryptionKeys, [newEncryptionKey(now)]);
  // No newline at the end: the file is embedded as it is.
  if (!fs.existsSync(files.adminToken))
    writePrivate(files.adminToken, Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'));
  if (names.length > 0) await ensureServing(files, dir, names, now);
  return files;
}
