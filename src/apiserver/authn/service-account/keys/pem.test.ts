// Keys of every kind in every form that OpenSSL writes, made by Node; what is published of them, held against Node's own idea.
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { CryptoKey } from 'jose';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { expect, test } from 'vitest';
import { toBase64Url } from '../../../../machinery/bytes.ts';
import { importKey, signBytes, verifyBytes } from './key.ts';
import { PemError, pemKeys } from './pem.ts';

const text = (key: KeyObject, type: string): string => key.export({ type: type as 'pkcs8', format: 'pem' }) as string;
const bytes = new TextEncoder().encode('what is signed') as Uint8Array<ArrayBuffer>;

const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
} as const;

test.each(Object.entries(pairs))('%s', async (algorithm, { privateKey, publicKey }) => {
  const rsa = algorithm === 'RS256';
  const privates = [text(privateKey, 'pkcs8'), text(privateKey, rsa ? 'pkcs1' : 'sec1')];
  const publics = [text(publicKey, 'spki'), ...(rsa ? [text(publicKey, 'pkcs1')] : [])];
  const kid = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  const keys = await Promise.all(pemKeys([...privates, ...publics].join('\n')).map(importKey));
  expect(keys.map((key) => key.privateKey !== undefined)).toEqual([true, true, ...publics.map(() => false)]);
  for (const key of keys) {
    expect(key).toMatchObject({ kid, algorithm });
    expect(key.jwk).toEqual({
      use: 'sig',
      kid,
      alg: algorithm,
      ...createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ format: 'jwk' }),
    });
    for (const signer of keys.filter((one) => one.privateKey)) {
      const signature = (await signBytes(signer, bytes)) as Uint8Array<ArrayBuffer>;
      expect(await verifyBytes(key, signature, bytes)).toBe(true);
      expect(await verifyBytes(key, signature, bytes.slice(1))).toBe(false);
    }
  }
});

test('a certificate is its key', async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as {
    publicKey: CryptoKey;
    privateKey: CryptoKey;
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=x',
    keys,
    signingAlgorithm: algorithm,
  });
  const [key] = await Promise.all(pemKeys(certificate.toString('pem')).map(importKey));
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey));
  expect(key?.kid).toBe(toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', spki))));
});

test('what is no key does not count; what says that it is one and is not is refused', () => {
  expect(pemKeys('')).toEqual([]);
  expect(pemKeys('-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----')).toEqual([]);
  expect(pemKeys('-----BEGIN PRIVATE KEY-----\nMIG')).toEqual([]);
  const ed25519 = text(generateKeyPairSync('ed25519').privateKey, 'pkcs8');
  const secp256k1 = text(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, 'pkcs8');
  const whole = text(pairs.ES256.privateKey, 'pkcs8').split('\n');
  for (const label of [
    'PRIVATE KEY',
    'EC PRIVATE KEY',
    'RSA PRIVATE KEY',
    'PUBLIC KEY',
    'RSA PUBLIC KEY',
    'CERTIFICATE',
  ])
    for (const base64 of ['', '****', 'AAAA', 'MIIB', 'MAA=']) {
      const pem = `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
      if (label.startsWith('RSA')) continue;
      expect(() => pemKeys(pem), pem).toThrow(PemError);
    }
  expect(() => pemKeys(ed25519)).toThrow('neither an RSA nor an EC key');
  expect(() => pemKeys(secp256k1)).toThrow('unknown private key curve, must be 256, 384, or 521');
  expect(() => pemKeys([whole[0], whole[1], ...whole.slice(3)].join('\n'))).toThrow(PemError);
});
