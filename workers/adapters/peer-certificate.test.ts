import { expect, it } from 'vitest';
import { peerCertificate } from './peer-certificate.ts';

/** As Cloudflare has it on a hostname with mTLS; only this fake was ever tried. */
const tls = {
  certPresented: '1',
  certVerified: 'SUCCESS',
  certRevoked: '0',
  certIssuerDN: 'CN=clients',
  certSubjectDN: 'CN=jane',
  certIssuerDNRFC2253: 'CN=clients,O=x',
  certSubjectDNRFC2253: 'CN=jane,O=dev',
  certIssuerSKI: 'A5AC',
  certSKI: 'BB',
  certFingerprintSHA256: 'AB12',
  certNotAfter: 'Dec 22 19:39:00 2099 GMT',
};
const of = (cf: unknown, headers: Record<string, string> = {}) =>
  peerCertificate(Object.assign(new Request('https://x', { headers }), { cf }) as never);

it('what is verified, and by whom', () => {
  expect(of({ tlsClientAuth: tls })).toEqual({
    verified: true,
    subject: 'CN=jane,O=dev',
    issuer: 'CN=clients,O=x',
    issuerKeyId: 'A5AC',
    fingerprint: 'AB12',
  });
});

it.each([
  { certVerified: 'FAILED:self signed certificate' },
  { certVerified: 'NONE' },
  { certRevoked: '1' },
  { certNotAfter: 'Dec 22 19:39:00 2019 GMT' },
  { certNotAfter: 'soon' },
])('not verified: %j', (change) => {
  expect(of({ tlsClientAuth: { ...tls, ...change } })?.verified).toBe(false);
});

it.each([undefined, null, {}, { tlsClientAuth: null }, { tlsClientAuth: { ...tls, certPresented: '0' } }])(
  'none: %j',
  (cf) => {
    expect(of(cf, { cf: JSON.stringify({ tlsClientAuth: tls }) })).toBeUndefined();
  },
);
