import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cipher, keyNamed, sealing } from '../../test/harness/cipher.ts';
import { openSql, type TestSql } from '../../test/harness/sql.ts';
import { write } from './contract-bench.ts';
import { createLedger } from './ledger.ts';
import { collectionOf, type SealingOptions } from './sealing.ts';
import { type Change, type Ledger, UnreadableError } from './types.ts';

const all = { start: '', end: '~' };

function open(sql: TestSql, options?: SealingOptions): Ledger {
  return createLedger({
    sql,
    clock: { now: () => 0 },
    config: { historyMs: 1e9, historyBytesMax: 1e9 },
    ...(options ? { sealing: options } : {}),
  });
}

const put = (ledger: Ledger, key: string, value: string, side = `side of ${value}`, tags: string[] = []) =>
  ledger.commit((tx) => tx.put(key, () => ({ value, side, tags })));
const remove = (ledger: Ledger, key: string, value: string) =>
  ledger.commit((tx) => tx.delete(key, () => ({ value, side: `side of ${value}` })));
/** Only `secrets` are sealed. */
const onlySecrets = (...names: string[]) => sealing(names, (collection) => collection !== 'secrets');
const blob = (sql: TestSql, revision: number) =>
  sql.exec<{ value: Uint8Array }>('SELECT value FROM ledger_log WHERE revision = ?', revision)[0]!.value;
const store = (sql: TestSql, revision: number, value: Uint8Array) =>
  sql.exec('UPDATE ledger_log SET value = ? WHERE revision = ?', value, revision);
const rowsOf = (ledger: Ledger) =>
  Object.fromEntries(ledger.sealed.status().keys.map(({ name, rows }) => [name, rows] as const));

describe('a cipher', () => {
  it('opens what it sealed, and nothing that differs in a bit, a key or a context', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.string({ unit: 'grapheme' }),
        fc.nat(),
        (text, context, at) => {
          const key = keyNamed('k').secret;
          const sealed = cipher.seal(key, text, context);
          expect(cipher.open(key, sealed, context)).toBe(text);
          const changed = sealed.slice();
          changed[at % changed.length]! ^= 1 << (at % 8);
          expect(() => cipher.open(key, changed, context)).toThrow();
          expect(() => cipher.open(key, sealed.subarray(0, at % sealed.length), context)).toThrow();
          expect(() => cipher.open(keyNamed('other').secret, sealed, context)).toThrow();
          expect(() => cipher.open(key, sealed, `${context}.`)).toThrow();
          expect(cipher.seal(key, text, context)).not.toEqual(sealed);
        },
      ),
    );
  });

  it('opens what others sealed with AES-256-GCM', async () => {
    const secret = keyNamed('k').secret as Uint8Array<ArrayBuffer>;
    const key = await crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt']);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const additionalData = new TextEncoder().encode('there');
    const body = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData },
      key,
      new TextEncoder().encode('\ufeffgrüße'),
    );
    expect(cipher.open(secret, new Uint8Array([...iv, ...new Uint8Array(body)]), 'there')).toBe('\ufeffgrüße');
  });
});

describe('sealed rows', () => {
  it('show their keys and tags, and nothing else', async () => {
    const sql = openSql();
    const ledger = open(sql, onlySecrets('k'));
    await put(ledger, 'secrets/ns/a', 'MARKER 1', 'MARKER side', ['owner=u']);
    await put(ledger, 'secrets/ns/a', 'MARKER 2');
    await remove(ledger, 'secrets/ns/a', 'MARKER 3');
    await put(ledger, 'pods/ns/a', 'in plain');
    const rows = sql.exec<{ key: string; side: string; value: string | Uint8Array }>('SELECT * FROM ledger_log');
    const texts = rows.map((row) =>
      Object.values(row).map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell).toString('latin1') : `${cell}`)),
    );
    expect(JSON.stringify(texts.slice(0, 3))).not.toMatch(/MARKER|side/);
    expect(JSON.stringify(texts[3])).toMatch(/in plain/);
    expect(JSON.stringify(sql.exec('SELECT * FROM ledger_tag, ledger_mark, ledger_head'))).not.toMatch(/MARKER/);
  });

  it('are refused, by name, when a byte was changed', async () => {
    const sql = openSql();
    await put(open(sql, onlySecrets('k')), 'secrets/ns/a', 'v');
    const good = blob(sql, 1).slice();
    for (let at = 0; at < good.length; at++) {
      const changed = good.slice();
      changed[at]! ^= 0x40;
      store(sql, 1, changed);
      const ledger = open(sql, onlySecrets('k'));
      for (const read of [
        () => ledger.get('secrets/ns/a'),
        () => ledger.range(all),
        () => ledger.text({ ...all, limit: 9, before: '', between: '' }),
        () => ledger.changes({ after: 0 }),
      ])
        expect(read, `byte ${at}`).toThrow(/^unable to transform key "secrets\/ns\/a": /);
      await expect(put(ledger, 'secrets/ns/a', 'w')).rejects.toThrow(UnreadableError);
      await expect(remove(ledger, 'secrets/ns/a', 'w')).rejects.toThrow(UnreadableError);
      expect(await put(ledger, 'pods/ns/a', 'v')).toMatchObject({ ok: true });
      sql.exec("DELETE FROM ledger_log WHERE key = 'pods/ns/a'");
      sql.exec("DELETE FROM ledger_head WHERE key = 'pods/ns/a'");
    }
    store(sql, 1, good);
    expect(open(sql, onlySecrets('k')).get('secrets/ns/a')?.value).toBe('v');
  });

  it('do not open in the place of another, nor of an older one', async () => {
    const sql = openSql();
    const ledger = open(sql, onlySecrets('k'));
    await put(ledger, 'secrets/ns/a', 'same length 1');
    await put(ledger, 'secrets/ns/b', 'same length 2');
    await put(ledger, 'secrets/ns/a', 'same length 3');
    const [first, second, third] = [1, 2, 3].map((revision) => blob(sql, revision).slice());
    store(sql, 2, third!);
    store(sql, 3, first!);
    const swapped = open(sql, onlySecrets('k'));
    expect(() => swapped.get('secrets/ns/b')).toThrow('"secrets/ns/b"');
    expect(() => swapped.get('secrets/ns/a')).toThrow('"secrets/ns/a"');
    store(sql, 2, second!);
    expect(open(sql, onlySecrets('k')).get('secrets/ns/b')?.value).toBe('same length 2');
  });

  it('are there and cannot be read without their key; all else goes on', async () => {
    const sql = openSql();
    const first = open(sql, onlySecrets('k'));
    await put(first, 'secrets/ns/a', 'v');
    await put(first, 'pods/ns/a', 'v');
    const id = first.sealed.status().keys[0]!.id;
    for (const ledger of [open(sql), open(sql, onlySecrets('other'))]) {
      expect(ledger.sealed.missing()).toEqual([id]);
      expect(() => ledger.get('secrets/ns/a')).toThrow(`it is sealed under the key ${id}, which is not configured`);
      expect(() => ledger.range({ start: 'secrets/', end: 'secrets0' })).toThrow(UnreadableError);
      expect(ledger.range({ start: 'pods/', end: 'pods0' }).entries).toHaveLength(1);
      expect(ledger.count(all)).toBe(2);
      while (ledger.sealed.reseal());
      expect(ledger.sealed.status().keys).toContainEqual({ id, name: 'k', rows: 1, configured: false });
    }
    const again = open(sql, onlySecrets('other', 'k'));
    expect(again.get('secrets/ns/a')?.value).toBe('v');
    expect(again.sealed.missing()).toEqual([]);
  });

  it('are never written in plain for want of a key', async () => {
    const options = onlySecrets('k');
    const ledger = open(openSql(), { ...options, writers: [] });
    await expect(put(ledger, 'secrets/ns/a', 'v')).rejects.toThrow('not among the writers');
    const stranger = open(openSql(), { ...options, keyOf: () => keyNamed('k') });
    await expect(put(stranger, 'secrets/ns/a', 'v')).rejects.toThrow('not among the keys');
    expect([ledger.revision, stranger.revision]).toEqual([0, 0]);
  });

  it('tell keys of one name apart', async () => {
    const sql = openSql();
    await put(open(sql, onlySecrets('k')), 'secrets/ns/a', 'v');
    const key = { name: 'k', secret: keyNamed('another').secret };
    const ledger = open(sql, { ...onlySecrets('k'), keys: [key], writers: [key], keyOf: () => key });
    expect(() => ledger.get('secrets/ns/a')).toThrow(/under the key k#[0-9a-f]{8}, which is not configured/);
  });

  it('are written under a new data key when one has served enough', async () => {
    const sql = openSql();
    const options = { ...onlySecrets('k'), rowsPerKeyMax: 10 };
    const ledger = open(sql, options);
    for (let i = 0; i < 25; i++) {
      await put(ledger, `secrets/ns/${i}`, `v${i}`);
      ledger.compactDue(0);
    }
    expect(sql.exec('SELECT since FROM ledger_data_key').map(({ since }) => since)).toEqual([0, 10, 20]);
    expect(
      open(sql, options)
        .range(all)
        .entries.map(({ value }) => value),
    ).toContain('v3');
    expect(rowsOf(ledger)).toEqual({ k: 25 });
  });

  it('cost plain rows nothing', async () => {
    const sql = openSql();
    const ledger = open(sql, onlySecrets('k'));
    await put(ledger, 'pods/ns/a', 'v');
    const plan = sql.exec<{ detail: string }>(
      `EXPLAIN QUERY PLAN SELECT count(*) FROM ledger_log WHERE typeof(value) = 'blob' AND substr(value, 1, 5) = x'00'`,
    );
    expect(plan.map(({ detail }) => detail).join()).toMatch(/ledger_sealed/);
    expect(
      sql.exec("SELECT count(*) AS n FROM ledger_log INDEXED BY ledger_sealed WHERE typeof(value) = 'blob'"),
    ).toEqual([expect.objectContaining({ n: 0 })]);
  });
});

describe('storing rows again', () => {
  const changesOf = (ledger: Ledger) => ledger.changes({ after: ledger.compactedRevision }).changes;

  async function filled(sql: TestSql, options?: SealingOptions): Promise<Ledger> {
    const ledger = open(sql, options);
    for (let i = 0; i < 20; i++) await put(ledger, `secrets/ns/${i % 7}`, `secret ${i}`);
    await remove(ledger, 'secrets/ns/3', 'gone');
    for (let i = 0; i < 20; i++) await put(ledger, `pods/ns/${i}`, `pod ${i}`);
    ledger.compact(10);
    return ledger;
  }

  it('changes neither revision nor content, and nobody hears of it', async () => {
    const sql = openSql();
    const before = await filled(sql);
    const [changes, entries] = [changesOf(before), before.range(all).entries];
    const ledger = open(sql, onlySecrets('k'));
    const heard: Change[] = [];
    ledger.subscribe((some) => heard.push(...some));
    expect(ledger.sealed.due).toBe(true);
    expect(ledger.sealed.reseal()).toBe(false);
    for (const one of [ledger, open(sql, onlySecrets('k'))]) {
      expect(changesOf(one)).toEqual(changes);
      expect(one.range(all).entries).toEqual(entries);
      expect(one.size()).toEqual(before.size());
      expect(one.sealed.due).toBe(false);
    }
    expect(heard).toEqual([]);
    const plain = sql.exec<{ key: string }>(
      "SELECT key FROM ledger_log WHERE typeof(value) <> 'blob' OR side LIKE '%e%'",
    );
    expect(plain.filter(({ key }) => collectionOf(key) === 'secrets')).toEqual([]);
    expect(plain.length).toBe(20);
    expect(ledger.sealed.status()).toMatchObject({ wasPlain: true, unreadable: 0 });
  });

  it('goes on where it was, whatever is written, compacted or restarted meanwhile', async () => {
    const sql = openSql();
    let ledger = await filled(sql, onlySecrets('old'));
    let steps = 0;
    const policy = onlySecrets('new', 'old');
    for (ledger = open(sql, policy); ledger.sealed.reseal({ rows: 2 }); ledger = open(sql, policy)) {
      steps++;
      await put(ledger, `secrets/ns/${steps % 9}`, `meanwhile ${steps}`);
      if (steps === 4) ledger.compact(ledger.revision - 3);
      expect(ledger.range({ start: 'secrets/', end: 'secrets0' }).entries.length).toBeGreaterThan(5);
    }
    expect(steps).toBeGreaterThan(4);
    expect(rowsOf(ledger)).toEqual({ new: expect.any(Number), old: 0 });
    expect(rowsOf(ledger).new).toBeGreaterThan(steps);
    const without = open(sql, onlySecrets('new'));
    expect(without.sealed.missing()).toEqual([]);
    expect(changesOf(without).length).toBeGreaterThan(0);
  });

  it('undoes a batch that fails, and does it later', async () => {
    const sql = openSql();
    await filled(sql, onlySecrets('old'));
    const policy = onlySecrets('new', 'old');
    let left = 3;
    const failing: TestSql = {
      ...sql,
      exec: (statement, ...bindings) => {
        if (statement.startsWith('UPDATE ledger_log') && left-- === 0) throw new Error('the disk is full');
        return sql.exec(statement, ...bindings);
      },
    };
    const ledger = open(failing, policy);
    expect(() => ledger.sealed.reseal()).toThrow('the disk is full');
    expect(rowsOf(ledger)).toMatchObject({ new: 0 });
    expect(ledger.sealed.reseal()).toBe(false);
    expect(rowsOf(ledger)).toMatchObject({ old: 0 });
    expect(ledger.range(all).entries).toHaveLength(26);
  });

  it('passes over what cannot be opened, and says so', async () => {
    const sql = openSql();
    const ledger = open(sql, onlySecrets('old'));
    for (const name of 'abc') await put(ledger, `secrets/ns/${name}`, name);
    store(sql, 2, Uint8Array.from([...blob(sql, 2).slice(0, -1), 0]));
    const again = open(sql, onlySecrets('new', 'old'));
    expect(again.sealed.reseal()).toBe(false);
    expect(again.sealed.status()).toMatchObject({ resealed: 2, unreadable: 1 });
    expect(rowsOf(again)).toEqual({ new: 2, old: 1 });
    expect(again.get('secrets/ns/c')?.value).toBe('c');
  });

  it('can take the seals off again', async () => {
    const sql = openSql();
    await filled(sql, onlySecrets('k'));
    const ledger = open(
      sql,
      sealing(['k'], () => true),
    );
    while (ledger.sealed.reseal({ rows: 3 }));
    expect(rowsOf(ledger)).toEqual({ k: 0 });
    const plain = open(sql);
    while (plain.sealed.reseal());
    expect(plain.range(all).entries).toHaveLength(26);
  });

  it('is nothing in a ledger that was never sealed', async () => {
    const sql = openSql();
    const ledger = open(sql);
    await ledger.commit((tx) => write(tx, 'a', '1'));
    expect([ledger.sealed.due, ledger.sealed.reseal(), open(sql).sealed.due]).toEqual([false, false, false]);
  });
});
