// Lists that an index narrows and that are too long for one page: what is sent later is still of the list's revision.
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { adminToken, testServer } from '../testing.ts';

const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, app: string) => ({
  metadata: { name, labels: { app }, annotations: { text: 'x'.repeat(200_000) } },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

test.each(['application/json', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'])(
  'a selection is as it was when its list began: %s',
  async (accept) => {
    const { call, server, ledger } = await testServer(openSql());
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    const names = Array.from({ length: 40 }, (_, n) => `p${String(n).padStart(2, '0')}`);
    for (const name of names) expect((await call('POST', pods, pod(name, 'a'))).code).toBe(201);
    for (const name of ['other', 'p05x', 'p35x']) await call('POST', pods, pod(name, 'b'));
    const { revision } = ledger;
    const response = await server.fetch(
      new Request(`https://cluster.test${pods}?labelSelector=app%3Da`, {
        headers: { authorization: `Bearer ${adminToken}`, accept },
      }),
    );
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? '';
    // Where nothing has been read yet, rows leave the selection, enter it, go and come.
    await call('DELETE', `${pods}/p39?gracePeriodSeconds=0`);
    await call('PATCH', `${pods}/p38`, { metadata: { labels: { app: 'b' } } });
    await call('PATCH', `${pods}/p35x`, { metadata: { labels: { app: 'a' } } });
    await call('POST', pods, pod('p36x', 'a'));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    const { metadata, items } = JSON.parse(text);
    expect(metadata.resourceVersion).toBe(String(revision));
    expect(items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(names);
    expect(items.at(-2).metadata.labels).toEqual({ app: 'a' });
  },
);

test('a limit holds for a selection as well', async () => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  for (let n = 0; n < 25; n++) await call('POST', pods, pod(`p${String(n).padStart(2, '0')}`, n % 2 === 0 ? 'a' : 'b'));
  const seen: string[] = [];
  for (let next = ''; ; ) {
    const { json } = await call('GET', `${pods}?labelSelector=app%3Da&limit=5&continue=${next}`);
    seen.push(...json.items.map((item: { metadata: { name: string } }) => item.metadata.name));
    next = json.metadata.continue ?? '';
    if (next === '') break;
  }
  expect(seen).toEqual(Array.from({ length: 13 }, (_, n) => `p${String(2 * n).padStart(2, '0')}`));
});
