import { expect, it } from 'vitest';
import { refusal } from './target.ts';

it.each([
  ['https://x/api/v1/namespaces', 'x', undefined],
  ['https://x:1/api/v1/namespaces/a..b?fieldSelector=../..', 'x:1', undefined],
  ['https://x/api/v1/namespaces/a/pods/%2e%2e', 'x', undefined],
  ['https://x', 'x', undefined],
  ['https://[/api', '[', 400],
  ['https://x:99999/api', 'x:99999', 400],
  ['https://x/y/api', 'x/y', 400],
  ['https://x?y/api', 'x?y', 400],
  ['https://a@b/api', 'a@b', 400],
  ['https://x/api/v1/namespaces/a/pods/..', 'x', 400],
  ['https://x/api/v1/namespaces/a/pods/./?watch=1', 'x', 400],
  ['https://x/api/v1/../v1/pods', 'x', 404],
  ['https://x/..', 'x', 400],
  // In the clear.
  ['http://tiffin.me.workers.dev/api', 'tiffin.me.workers.dev', 400],
  ['http://localhost.example.com/api', 'localhost.example.com', 400],
  ['http://127.0.0.1.example.com/api', '127.0.0.1.example.com', 400],
  ['http://localhost@example.com/api', 'localhost@example.com', 400],
  ['http://10.0.0.1/api', '10.0.0.1', 400],
  ['http://localhost:8787/api', 'localhost:8787', undefined],
  ['http://127.0.0.1/api', '127.0.0.1', undefined],
  ['http://[::1]:8787?x', '[::1]:8787', undefined],
])('%s of %s: %s', (url, host, code) => expect(refusal(url, host)?.code).toBe(code));
