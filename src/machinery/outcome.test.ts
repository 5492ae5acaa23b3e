import { expect, test } from 'vitest';
import { ApiError, errors } from './errors.ts';
import { statusResponse } from './outcome.ts';

test.each([errors.unauthorized(), new ApiError('NotFound', '<b>x</b>', {})])('an error as an answer', async (error) => {
  const response = statusResponse(error);
  expect(response.status).toBe(error.code);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(response.headers.get('cache-control')).toBe('no-cache, private');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await response.json()).toMatchObject({ kind: 'Status', message: error.message, code: error.code });
});
