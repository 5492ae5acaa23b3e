import { expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { testServer } from '../../../apiserver/testing.ts';
import { signatureProblem } from './signature.ts';

// Requests for CN=a, as OpenSSL makes them.
const p256 = [
  'MIHGMG4CAQAwDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA',
  'BD0wzgBq2zZP/k8L9AK/3BHnN3Eczc9RUVmPzxXRlU+ElVurIdeSFE/pxwMhvMKy',
  'WIiX02DxCOCEZAcFPAaZ36OgADAKBggqhkjOPQQDAwNIADBFAiAnmX9VJ9/L/ve9',
  '7COIQ6HURLpPOI/7a5HcfOfqesOY2AIhAJrWsZqV6ZmqqsA8Jx27iU5RdTwGTs8R',
  'sxajiCQqstR+',
].join('');
const p521 = [
  'MIIBTzCBsQIBADAMMQowCAYDVQQDDAFhMIGbMBAGByqGSM49AgEGBSuBBAAjA4GG',
  'AAQBrTcDgS0KxQDKLpLsBpcdEHqPonHBufiAPRYAVxL3yj2FncUPz/PBoKRf1PaI',
  'YyZsOBcGe2pegay0VFX9L9t/gBcByHcdn8pKTqzMvBrK//rNFreutNYmMNuUqTCJ',
  'ujGy+LRT5E089dYQ4LwdMH+MIvajcHk3hj5kZCf28177xUvkXgCgADAKBggqhkjO',
  'PQQDAwOBjAAwgYgCQgCqZ8OSDK2IOJfhtdXzdZit4U2XGV05+Y2aLuF47vXQPc/p',
  '6WjYstbXSxskdpZy3FgZ39DjN6WzHt4VZ2kpcpiX4wJCAfSfqkcH5Bhf8OBddIrC',
  'MEu8g3qPwFxZ9fMF+YaokWAYlERBylUMw7R065ZtGu6glgd57X8Zg+FMz1FJUcS8',
  '5wGU',
].join('');
const ed25519 = [
  'MIGLMD8CAQAwDDEKMAgGA1UEAwwBYTAqMAUGAytlcAMhAKF3hdl4nI06IH/cAXQd',
  'vO6RplDym4I6rOd4KZZFczjPoAAwBQYDK2VwA0EAMktEns6RyAVxvOKvM/6/Nck8',
  'Mchbdcq5EQcGJBRHnZxYGaiaZ+OF5A+r5H+ptclmtETFebXpj4Z527PGnqvfAw==',
].join('');
const rsa = [
  'MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBYTCCASIwDQYJKoZIhvcNAQEBBQADggEP',
  'ADCCAQoCggEBAK+aXA6QrWM08Rj4w7P8Uk5JFU33qfjHaYZ/uj2ieuMXPjJSCO4U',
  'eZpmlooVdsr0FiPU3s0HaTQdnPWuC4KD4jKlQabwAQN1A1VN8ofI9UZ2dZ48tRa/',
  'jRzC6t62d3sGopbewfCfslhFER1Guu3uAldCgFPsxZPOeFuv/OeHmQwu4WtWi0Jh',
  'JtUp06aLV7WkXL42GicpppkIgXq1+RcZrImtH9kY1MpefW8NuKe2WP4YO8aJdY4E',
  '3S25bqGWDvlhCCK1eo5kkpULzke4BxCfyEmTu11hM1oMZC7ae3tgv0AHBpNeQSpc',
  '4sV/Z5aUERLTEOSGdihMehD6teQGNdejXNcCAwEAAaAAMA0GCSqGSIb3DQEBCwUA',
  'A4IBAQA5zZihlfAuA1AL4kDnp96HcJp35cagBmgOzhS8+HlRzJ1vZOcw7rxJVI7g',
  'vN6eppmVK1HuOBAP/MSKyj3EcOmzFSFDKoPn+e4K6R0snhPNGDafkXniNbqYZXG3',
  'e1+vwqbYdIYwqYCAtKWVaOu8n2U9Ijyvb4chH3355dukkQT2/vINyr246tTi0F6p',
  'x4+/V8t+xMn52xwwp7quVn5XuZLnVMz5+KERTN/f7tuXEghmpNb04FArlHJzMgo+',
  '3/St0rPexj5b8CpQWXl2g1q7p3wZ3BOALQE+VTG+avSkMmCFe1ffGUAWu3V4SDEu',
  'VS3hHEb/EVU8QO6yEE/N/5i6s1SZ',
].join('');
const rsaWithMd5 = [
  'MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBYTCCASIwDQYJKoZIhvcNAQEBBQADggEP',
  'ADCCAQoCggEBAK+aXA6QrWM08Rj4w7P8Uk5JFU33qfjHaYZ/uj2ieuMXPjJSCO4U',
  'eZpmlooVdsr0FiPU3s0HaTQdnPWuC4KD4jKlQabwAQN1A1VN8ofI9UZ2dZ48tRa/',
  'jRzC6t62d3sGopbewfCfslhFER1Guu3uAldCgFPsxZPOeFuv/OeHmQwu4WtWi0Jh',
  'JtUp06aLV7WkXL42GicpppkIgXq1+RcZrImtH9kY1MpefW8NuKe2WP4YO8aJdY4E',
  '3S25bqGWDvlhCCK1eo5kkpULzke4BxCfyEmTu11hM1oMZC7ae3tgv0AHBpNeQSpc',
  '4sV/Z5aUERLTEOSGdihMehD6teQGNdejXNcCAwEAAaAAMA0GCSqGSIb3DQEBBAUA',
  'A4IBAQBilCx6UjalaYvVsZ7bgsSbM3M6TNkT7wb/54AUxba764vvBlNOxQcXkflu',
  'eqbsA0ZAduw145KOx7BaSaD5pHoVgHFxpT7dOv3CSiDtujyNHHoLuVt4wUjDxp2C',
  'hd//WNqMKPSxhKLzNtV0UD3w8I37VQpmkC3FzbSScFKGsFNfZs1uEGmPb7kWU9FV',
  'Nc50B/YE9NhgVjSEbTR7U1zlAEzXXt/epvO9UGjukHxQSI88yQFt12Z9jGPRSvCA',
  'tTL3KoS9we2x0JruOoWygPZT00nLoiHu5TUzEVz9qFwIROQF9crpEFqS0zfSArKq',
  'DDyXZi9j0IZkdCns3nprCKQWJyjZ',
].join('');

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const changedAt = (bytes: Uint8Array, at: number): Uint8Array => {
  const out = bytes.slice();
  out.set([(out.at(at) ?? 0) ^ 1], at < 0 ? out.length + at : at);
  return out;
};

test.each<[string, string, string]>([
  ['ECDSA on P-256', p256, 'x509: ECDSA verification failure'],
  ['ECDSA on P-521', p521, 'x509: ECDSA verification failure'],
  ['Ed25519', ed25519, 'x509: Ed25519 verification failure'],
  ['RSA', rsa, 'crypto/rsa: verification error'],
])('%s', async (_, base64, failure) => {
  const request = bytesOf(base64);
  expect(await signatureProblem(request)).toBeUndefined();
  // In the signature, and in the subject that is signed.
  expect(await signatureProblem(changedAt(request, request.length - 3))).toBe(failure);
  expect(await signatureProblem(changedAt(request, request.indexOf(0x61)))).toBe(failure);
});

test('MD5 is refused, what is unknown is not looked at', async () => {
  const request = bytesOf(rsaWithMd5);
  expect(await signatureProblem(request)).toBe('x509: cannot verify signature: insecure algorithm MD5-RSA');
  const oid = request.findIndex((_, i) => [0xf7, 0x0d, 1, 1, 4].every((byte, k) => request[i + k] === byte));
  expect(await signatureProblem(changedAt(request, oid))).toBeUndefined();
  expect(await signatureProblem(new Uint8Array())).toBeUndefined();
});

test('a request that is not signed by its key is refused', async () => {
  const { call } = await testServer(openSql());
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const pem = (bytes: Uint8Array): string =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${btoa(String.fromCharCode(...bytes))}\n-----END CERTIFICATE REQUEST-----\n`;
  const body = (request: unknown) => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'a' },
    spec: { request, signerName: 'example.com/a', usages: ['client auth'] },
  });
  const forged = body(btoa(pem(changedAt(bytesOf(p256), -3))));
  const apply = (of: object) =>
    call('PATCH', `${path}/a?fieldManager=me`, of, { 'content-type': 'application/apply-patch+yaml' });
  for (const answer of [await call('POST', path, forged), await apply(forged)]) {
    expect(answer.code).toBe(422);
    expect(answer.json.details.causes).toEqual([
      {
        reason: 'FieldValueInvalid',
        message: expect.stringMatching(/: x509: ECDSA verification failure$/),
        field: 'spec.request',
      },
    ]);
  }
  for (const odd of [null, 7, 'x', ['x'], {}]) expect((await apply(body(odd))).code).toBeLessThan(500);
  expect((await apply({ ...forged, spec: 'x' })).code).toBe(400);
  expect((await call('POST', path, body(btoa(pem(bytesOf(p256)))))).code).toBe(201);
});
