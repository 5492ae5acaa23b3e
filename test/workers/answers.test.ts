// Answers as they leave the gateway in workerd: compressed once, by whoever made them, and streams that end.
import { exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';

const worker = (exports as unknown as { default: Fetcher }).default;
const maps = '/api/v1/namespaces/default/configmaps';

const fetchIt = (path: string, init: RequestInit = {}) =>
  worker.fetch(`https://tiffin.test${path}`, {
    ...init,
    headers: { authorization: 'Bearer test-admin', 'content-type': 'application/json', ...init.headers },
  });

it('compresses a long list once', async () => {
  for (let index = 0; index < 20; index++)
    await fetchIt(maps, {
      method: 'POST',
      body: JSON.stringify({ metadata: { name: `m${index}` }, data: { text: 'x'.repeat(20_000) } }),
    });
  const packed = await fetchIt(maps, { headers: { 'accept-encoding': 'gzip' } });
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(packed.headers.get('vary')).toBe('Accept-Encoding');
  // The runtime's fetch unpacks what its header names: twice packed would not be JSON.
  const list = (await packed.json()) as { items: unknown[] };
  expect(list.items.length).toBeGreaterThanOrEqual(20);
  const plain = await fetchIt(maps, { headers: { 'accept-encoding': 'identity' } });
  expect(((await plain.json()) as { items: unknown[] }).items).toEqual(list.items);
});

it('answers HEAD without a body, and names each answer', async () => {
  const answer = await fetchIt(maps, { method: 'HEAD' });
  expect([answer.status, await answer.text()]).toEqual([405, '']);
  expect(answer.headers.get('audit-id')).toMatch(/^[\da-f-]{36}$/);
});

it('refuses a host that would be part of the path', async () => {
  for (const host of ['x/y', 'x?y', 'x#', 'a@b', 'a b'])
    expect((await fetchIt(maps, { headers: { host } })).status, host).toBe(400);
  expect((await fetchIt('/version', { headers: { host: 'x:1' } })).status).toBe(200);
});

it('ends a watch in protobuf after its time', async () => {
  const answer = await fetchIt(`${maps}?watch=1&timeoutSeconds=1`, {
    headers: { accept: 'application/vnd.kubernetes.protobuf' },
  });
  expect(answer.headers.get('content-type')).toBe('application/vnd.kubernetes.protobuf;stream=watch');
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect(bytes.length).toBeGreaterThan(20 * 20_000);
  expect(new TextDecoder().decode(bytes.subarray(4, 11))).toBe('\n\u0005ADDED');
});
