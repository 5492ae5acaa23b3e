// Who may approve and sign: whoever may so for the signer that was asked for, or for all of its domain.
import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { Attributes } from '../authz/authorizer.ts';
import { testServer } from '../testing.ts';

// An EC key's request for system:node:n1, and a certificate of its own making.
const pem = (title: string, body: string): string =>
  btoa(`-----BEGIN ${title}-----\n${body}\n-----END ${title}-----\n`);
const request = pem(
  'CERTIFICATE REQUEST',
  'MIHsMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lzdGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ8Ve2DSl11H3fXzWuQ8UpsnMyURTiI1GLMpwrs9WyuJl9YnheoPj9RPdbZ7RaMu6HlXkCqLbuag5WIpB54lXp8oAAwCgYIKoZIzj0EAwIDSQAwRgIhAIMeuwX5GSKZmr6FX3hu92In7DcE0DLYTUzywQolKP5mAiEAkb+nBNob9xSM7vF80Z59KTFMk7CUGSbfYYKwqY1mnbk=',
);
const certificate = pem(
  'CERTIFICATE',
  'MIIBtjCCAV2gAwIBAgIUVzIoc3kX+eBUNRGg16w6/zxDcW4wCgYIKoZIzj0EAwIwMDEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRcwFQYDVQQDDA5zeXN0ZW06bm9kZTpuMTAgFw0yNjExMjIxODA4MDNaGA8yMTI2MTAyOTE4MDgwM1owMDEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRcwFQYDVQQDDA5zeXN0ZW06bm9kZTpuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDxV7YNKXXUfd9fNa5DxSmyczJRFOIjUYsynCuz1bK4mX1ieF6g+P1E91tntFoy7oeVeQKotu5qDlYikHniVenyjUzBRMB0GA1UdDgQWBBRWKJTROZm6/wE1ikdKo9d4IAtLpDAfBgNVHSMEGDAWgBRWKJTROZm6/wE1ikdKo9d4IAtLpDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCICtVuIr+DR16WFpCscN2d9ce2QT2wVvmyXL1Y8vIVLOHAiAZqAO9bpswgiaotG8Ge3hRSJlx/cXMA4ZUwSJXqm9Z2g==',
);

const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const signerName = 'example.com/own';
const condition = (type: string) => ({ status: { conditions: [{ type, status: 'True', reason: 'r', message: 'm' }] } });

/** A request that waits, on a server where everyone may do everything but what `may` refuses of signers. */
async function server(may: (attributes: Attributes) => boolean) {
  const asked: string[] = [];
  const { call } = await testServer(openSql(), {
    authorizer: {
      authorize(attributes) {
        if (attributes.resource !== 'signers') return { allowed: true, reason: '' };
        asked.push(`${attributes.verb} ${attributes.name}`);
        return may(attributes) ? { allowed: true, reason: '' } : undefined;
      },
    },
  });
  const spec = { request, signerName, usages: ['client auth'] };
  expect((await call('POST', path, { metadata: { name: 'r' }, spec })).code).toBe(201);
  return { call, asked };
}
const refusal = (verb: string) =>
  `certificatesigningrequests.certificates.k8s.io "r" is forbidden: user not permitted to ${verb} requests with signerName "${signerName}"`;

describe.each([
  ['approve', 'approval', condition('Approved')],
  ['sign', 'status', { status: { certificate } }],
  ['sign', 'status', condition('Failed')],
])('to %s by %s', (verb, subresource, patch) => {
  test('nobody may without permission', async () => {
    const { call, asked } = await server(() => false);
    const refused = await call('PATCH', `${path}/r/${subresource}`, patch);
    expect(refused).toMatchObject({ code: 403, json: { message: refusal(verb) } });
    expect(asked).toEqual([`${verb} example.com/own`, `${verb} example.com/*`]);
    expect((await call('GET', `${path}/r`)).json.status).toEqual({});
  });
  test.each([signerName, 'example.com/*'])('who may for %s', async (signer) => {
    const { call } = await server(
      ({ verb: asked, name, group, namespace, version }) =>
        asked === verb && name === signer && group === 'certificates.k8s.io' && namespace === '' && version === '*',
    );
    const answer = await call('PATCH', `${path}/r/${subresource}`, patch);
    expect(answer.code, answer.text).toBe(200);
  });
  test('not for another signer, whatever the update says', async () => {
    const { call } = await server(({ name }) => name === 'example.com/other');
    const both = { ...patch, spec: { signerName: 'example.com/other' } };
    expect((await call('PATCH', `${path}/r/${subresource}`, both)).json.message).toBe(refusal(verb));
  });
});

test('a status that signs nothing is nobody’s concern', async () => {
  const { call, asked } = await server(() => false);
  expect((await call('PATCH', `${path}/r/status`, { metadata: { labels: { a: 'b' } } })).code).toBe(200);
  expect((await call('PATCH', `${path}/r`, { metadata: { annotations: { a: 'b' } } })).code).toBe(200);
  expect(asked).toEqual([]);
});
