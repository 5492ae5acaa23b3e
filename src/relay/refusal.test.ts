// CVE-2020-8559: a node does not send a client elsewhere.
import { expect, it } from 'vitest';
import { refusalResponse } from './refusal.ts';

const details = { name: 'https://elsewhere.test/', retryAfterSeconds: '1\r\nlocation: https://elsewhere.test/' };

it.each([301, 302, 307, 308, 101, 200, 0, 700, 404.5, Number.NaN, '404', null, undefined])(
  'a refusal with the code %s is a failure',
  async (code) => {
    const { status, headers } = refusalResponse({ kind: 'Status', code, message: 'Location: https://x/', details });
    expect(status).toBe(500);
    expect([...headers.keys()].sort()).toEqual(['cache-control', 'content-type', 'x-content-type-options']);
  },
);

it('is passed on as the Status that it is, and nothing else of it', async () => {
  const response = refusalResponse({
    code: 429,
    reason: 'TooManyRequests',
    message: 'x',
    details: { retryAfterSeconds: 3 },
    status: 'Success',
    evil: 1,
  });
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
  expect(await response.json()).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'x',
    reason: 'TooManyRequests',
    details: { retryAfterSeconds: 3 },
    code: 429,
  });
});

it.each([{}, { code: 400, message: {}, reason: [], details: 'x' }, { code: 400, details: null }])('%j', (refusal) => {
  expect([400, 500]).toContain(refusalResponse(refusal).status);
});
