// Answers that are too long for one text: they are the same as short ones, in every form, and nobody has to read them.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { adminToken, type TestServer, testServer } from '../testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const protobuf = 'application/vnd.kubernetes.protobuf';
const names = Array.from({ length: 40 }, (_, n) => `c${String(n).padStart(2, '0')}`);

let server: TestServer;
beforeEach(async () => {
  server = await testServer(openSql());
  for (const [n, name] of names.entries()) {
    const body = { metadata: { name, labels: { half: String(n % 2) } }, data: { text: `é${name}`.repeat(25_000) } };
    await server.call('POST', maps, body);
  }
});
afterEach(() => expect(server.log.errors).toEqual([]));

const open = (query: string, accept: string) =>
  server.server.fetch(
    new Request(`https://cluster.test${maps}${query}`, { headers: { authorization: `Bearer ${adminToken}`, accept } }),
  );
const reader = async (query = '', accept = 'application/json') =>
  ((await open(query, accept)).body as ReadableStream<Uint8Array>).getReader();
const listed = (list: { items: { metadata: { name: string } }[] }) => list.items.map(({ metadata }) => metadata.name);

/** Bytes of a field of a message, by number. */
function field(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++] as number;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const length = varint();
    // A number that stands for itself.
    if (tag % 8 === 0) continue;
    if (tag === wanted * 8 + 2) found.push(message.subarray(at, at + length));
    at += length;
  }
  return found;
}

test.each([
  ['', names],
  ['?labelSelector=half%3D1', names.filter((_, n) => n % 2 === 1)],
  ['?limit=30', names.slice(0, 30)],
  ['?limit=11&labelSelector=half%3D0', names.filter((_, n) => n % 2 === 0).slice(0, 11)],
  ['?limit=40', names],
])('in protobuf a list is as long as it says: %s', async (query, expected) => {
  const response = await open(query, protobuf);
  expect(response.body).not.toBeNull();
  const before = server.ledger.revision;
  // Its revision has gone by when it is sent.
  await server.call('DELETE', `${maps}/c01`);
  expect(server.ledger.revision).toBeGreaterThan(before);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const [list] = field(bytes.subarray(4), 2) as [Uint8Array];
  const text = (one: Uint8Array | undefined) => new TextDecoder().decode(one);
  const itemNames = field(list, 2).map((item) => {
    const [metadata] = field(item, 1) as [Uint8Array];
    return text(field(metadata, 1)[0]);
  });
  expect(itemNames).toEqual(expected);
});

test.each([10, 25, 39])('pages of %d go on where the one before ended', async (limit) => {
  for (const accept of ['application/json', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'])
    for (const selector of ['', '&labelSelector=half']) {
      const seen: string[] = [];
      let next = '';
      do {
        const { json } = await server.call('GET', `${maps}?limit=${limit}&continue=${next}${selector}`, undefined, {
          accept,
        });
        expect(json.items.length).toBe(Math.min(limit, names.length - seen.length));
        seen.push(...listed(json));
        next = json.metadata.continue ?? '';
        if (selector === '') expect(json.metadata.remainingItemCount ?? 0).toBe(names.length - seen.length);
      } while (next !== '');
      expect(seen).toEqual(names);
    }
});

test('a list of which nothing is read for a minute is ended', async () => {
  const stalled = await reader('?labelSelector=half');
  const slow = await reader('?labelSelector=half');
  const other = await reader('', 'application/json;as=Table;v=v1;g=meta.k8s.io');
  await stalled.read();
  await slow.read();
  for (let read = 0; read < 4; read++) {
    server.clock.advance(45_000);
    expect((await slow.read()).done).toBe(false);
  }
  await expect(stalled.read()).rejects.toThrow('nobody reads on');
  // What is short was sent at once.
  expect((await other.read()).done).toBe(false);
  await slow.cancel();
});

test('what is deleted is listed as it was', async () => {
  const revision = server.ledger.revision;
  const { code, json } = await server.call('DELETE', `${maps}?labelSelector=half%3D1`);
  expect(code).toBe(200);
  expect(listed(json)).toEqual(names.filter((_, n) => n % 2 === 1));
  expect(Number(json.metadata.resourceVersion)).toBe(revision + 20);
  for (const { metadata } of json.items) expect(Number(metadata.resourceVersion)).toBeLessThanOrEqual(revision);
  const { json: left } = await server.call('GET', maps);
  expect(listed(left)).toEqual(names.filter((_, n) => n % 2 === 0));
});

test('as many are deleted as the limit says, from where a list ended', async () => {
  const first = (await server.call('GET', `${maps}?limit=5`)).json;
  const { json } = await server.call('DELETE', `${maps}?limit=25&continue=${first.metadata.continue}`);
  expect(listed(json)).toEqual(names.slice(5, 30));
  expect(json.metadata.remainingItemCount).toBe(10);
  expect(listed((await server.call('GET', maps)).json)).toEqual([...names.slice(0, 5), ...names.slice(30)]);
});

test('what comes after the list is not deleted', async () => {
  const deletion = server.call('DELETE', maps);
  const created = server.call('POST', maps, { metadata: { name: 'c39x' } });
  expect((await created).code).toBe(201);
  expect(listed((await deletion).json)).toEqual(names);
  expect(listed((await server.call('GET', maps)).json)).toEqual(['c39x']);
});
