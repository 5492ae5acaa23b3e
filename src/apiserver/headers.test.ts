// What every answer says of itself, whatever it is: nobody between keeps it (but what never changes), and no browser takes it for
// a page.
import { expect, test } from 'vitest';
import { openSql } from '../../test/harness/sql.ts';
import { testServer } from './testing.ts';

test.each([
  ['GET', '/api/v1/namespaces'],
  ['GET', '/api/v1/namespaces/default'],
  ['GET', '/api/v1/namespaces/none'],
  ['GET', '/api/v1/namespaces?watch=1&timeoutSeconds=1'],
  ['GET', '/api'],
  ['GET', '/apis'],
  ['GET', '/openapi/v2'],
  ['GET', '/openapi/v3'],
  ['GET', '/metrics'],
  ['GET', '/readyz'],
  ['GET', '/version'],
  ['GET', '/nowhere'],
  ['GET', '/<script>alert(1)</script>'],
  ['GET', '/api/v1/namespaces/%zz'],
  ['POST', '/api/v1/namespaces'],
  ['PATCH', '/api/v1/nodes'],
  ['DELETE', '/api/v1/namespaces/none'],
])('%s %s', async (method, path) => {
  const { server, call, clock } = await testServer(openSql(), {});
  const strangers = await server.fetch(new Request(`https://cluster.test${path}`, { method }));
  await strangers.body?.cancel();
  const answering = call(method, path, method === 'GET' || method === 'DELETE' ? undefined : '{"not json');
  // The end of the watch.
  await new Promise((resolve) => setTimeout(resolve, 5));
  clock.advance(2000);
  for (const { headers } of [strangers, await answering]) {
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toMatch(/no-cache, private|no-store|^public/);
    expect(headers.get('content-type') ?? 'application/json').toMatch(
      /^(application\/(json|com\.github\.)|text\/plain)/,
    );
  }
});
