import { expect, test } from 'vitest';
import { readConfiguration } from './configuration.ts';

const read = (rest: object) =>
  readConfiguration([{ apiVersion: 'tiffin.dev/v1', kind: 'ServiceAccountTokenConfiguration', ...rest }]);

test('everything there is', () => {
  const rest = {
    issuers: ['https://keys.example', 'legacy'],
    audiences: ['api'],
    jwksURI: 'https://cdn.example/jwks',
    maxTokenExpirationSeconds: 3600,
    extendTokenExpiration: false,
  };
  expect(read(rest).serviceAccountTokens).toEqual(rest);
  expect(read({}).serviceAccountTokens).toEqual({});
  expect(read({ issuers: null }).serviceAccountTokens).toEqual({});
});

test.each<[object, string]>([
  [{ issuers: [] }, 'issuers: Invalid value: []: must hold one at least'],
  [{ issuers: 'https://a' }, 'issuers: Invalid value: "https://a": must be a list'],
  [{ issuers: [''] }, 'issuers[0]: Invalid value: "": must not be empty'],
  [{ issuers: ['a', 'a'] }, 'issuers[1]: Duplicate value: "a"'],
  [{ issuers: ['https://'] }, `issuers[0]: Invalid value: "https://": contained a ':' but was not a valid URL`],
  [{ issuers: ['https://a/?b'] }, 'issuers[0]: Invalid value: "https://a/?b": may have neither a query nor a fragment'],
  [{ audiences: [1] }, 'audiences[0]: Invalid value: 1: must be a string'],
  [{ jwksURI: 'http://a/jwks' }, 'jwksURI: Invalid value: "http://a/jwks": jwksURI requires https scheme'],
  [{ maxTokenExpirationSeconds: 3599 }, 'must be between 1 hour and 2^32 seconds'],
  [{ maxTokenExpirationSeconds: 2 ** 32 + 1 }, 'must be between 1 hour and 2^32 seconds'],
  [{ maxTokenExpirationSeconds: '24h' }, 'must be between 1 hour and 2^32 seconds'],
  [{ extendTokenExpiration: 'no' }, 'extendTokenExpiration: Invalid value: "no": must be true or false'],
  [{ issuer: 'a' }, 'issuer: Forbidden: unknown field'],
  [JSON.parse('{"__proto__": {"a": 1}}'), '__proto__: Forbidden: unknown field'],
])('%j', (rest, problem) => {
  expect(() => read(rest)).toThrow(problem);
});
