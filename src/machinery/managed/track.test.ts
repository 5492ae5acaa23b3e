import { describe, expect, it } from 'vitest';
import type { ManagedFieldsEntry } from '../meta.ts';
import { resets, Subject, thing } from './testing.ts';

describe('a create', () => {
  it.each([
    ['a scalar', { replicas: 1 }, { 'f:replicas': {} }],
    ['a zero behind a pointer', { replicas: 0 }, { 'f:replicas': {} }],
    ['a map', { options: { a: 'b' } }, { 'f:options': { '.': {}, 'f:a': {} } }],
    ['an atomic map', { selector: { a: 'b' } }, { 'f:selector': {} }],
    ['an atomic struct', { whole: { a: 'b' } }, { 'f:whole': {} }],
    ['a struct', { nested: { a: 'b' } }, { 'f:nested': { '.': {}, 'f:a': {} } }],
    ['an empty struct', { nested: {} }, { 'f:nested': {} }],
    ['a set', { set: ['b', 'a'] }, { 'f:set': { '.': {}, 'v:"a"': {}, 'v:"b"': {} } }],
    ['an empty set', { set: [] }, { 'f:set': {} }],
    ['numbers', { numbers: [10, 9] }, { 'f:numbers': { '.': {}, 'v:9': {}, 'v:10': {} } }],
    ['a list without a type', { plain: [{ name: 'a' }] }, { 'f:plain': {} }],
    [
      'a keyed list',
      { items: [{ name: 'a', value: 'x' }] },
      { 'f:items': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:value': {} } } },
    ],
    [
      'a list that strategic merge keys',
      { merged: [{ name: 'a' }] },
      { 'f:merged': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:name': {} } } },
    ],
    [
      'a list that Go always writes',
      { required: [{ name: 'a' }] },
      { 'f:required': { 'k:{"name":"a"}': { '.': {}, 'f:name': {} } } },
    ],
    [
      'keys by default',
      { ports: [{ port: 80 }] },
      { 'f:ports': { '.': {}, 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    ],
    ['duplicates as one', { items: [{ name: 'a' }, { name: 'a' }] }, { 'f:items': { '.': {}, 'k:{"name":"a"}': {} } }],
    ['anything', { any: { a: [1] } }, { 'f:any': {} }],
    ['values of a map', { parts: { a: { name: 'x' } } }, { 'f:parts': { '.': {}, 'f:a': { '.': {}, 'f:name': {} } } }],
  ])('owns %s', (_name, spec, fields) => {
    const { owners } = new Subject().update('me', thing(spec));
    expect(JSON.stringify(owners)).toBe(JSON.stringify({ 'me Update': { 'f:spec': fields } }));
  });

  it('owns no status, name or whatever the server sets', () => {
    const object = { ...thing({}, { labels: { a: 'b' }, uid: 'u', generation: 3 }), status: { phase: 'x' } };
    expect(new Subject().update('', object).entries).toEqual([
      {
        manager: 'unknown',
        operation: 'Update',
        apiVersion: 'x/v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } } },
      },
    ]);
  });
});

describe('an update', () => {
  const begun = () =>
    new Subject().update('one', thing({ replicas: 1, text: 'a', items: [{ name: 'a', value: '1' }] }));

  it('takes what it changes, and only that', () => {
    const subject = begun().update(
      'two',
      thing({ replicas: 2, text: 'a', items: [{ name: 'a', value: '1' }, { name: 'b' }] }),
    );
    expect(subject.owners).toEqual({
      'one Update': {
        'f:spec': { 'f:text': {}, 'f:items': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:value': {} } } },
      },
      'two Update': { 'f:spec': { 'f:replicas': {}, 'f:items': { 'k:{"name":"b"}': { '.': {}, 'f:name': {} } } } },
    });
  });

  it('takes from everyone what it removes, and who has nothing left goes', () => {
    const subject = begun().update('two', thing({ text: 'b' }));
    expect(subject.owners).toEqual({ 'two Update': { 'f:spec': { 'f:text': {} } } });
    expect(subject.update('three', thing({})).owners).toEqual({});
  });

  it('of the same manager adds to what it has, and moves its time', () => {
    const subject = begun().update('one', thing({ replicas: 3, text: 'a', flag: true }), {
      now: '2026-01-01T00:01:00Z',
    });
    expect(subject.entries).toMatchObject([
      { time: '2026-01-01T00:01:00Z', fieldsV1: { 'f:spec': { 'f:flag': {}, 'f:replicas': {}, 'f:text': {} } } },
    ]);
  });

  it('that changes nothing leaves everything as it was', () => {
    const subject = begun();
    const before = JSON.stringify(subject.object);
    subject.update('two', JSON.parse(before), { now: '2030-01-01T00:00:00Z' });
    expect(JSON.stringify(subject.object)).toBe(before);
  });

  it('of a subresource has an entry of its own, and does not own what it resets', () => {
    const subject = begun();
    const object = { ...(subject.object as object), status: { phase: 'x' }, spec: {} };
    subject.update('one', object, { subresource: 'status', resets: resets('spec') });
    expect(subject.owners['one Update status']).toEqual({ 'f:status': { 'f:phase': {} } });
    expect(Object.keys(subject.owners)).toHaveLength(2);
  });

  it('drops managers of versions that are gone, once something changes', () => {
    const subject = begun();
    const [entry] = subject.entries as [ManagedFieldsEntry];
    entry.apiVersion = 'x/v0';
    subject.update('two', thing({ replicas: 9 }));
    expect(Object.keys(subject.owners)).toEqual(['two Update']);
  });

  it('keeps ten updaters, and merges the oldest', () => {
    const subject = new Subject();
    const options: Record<string, string> = {};
    for (let i = 0; i < 15; i++) {
      options[`o${i}`] = 'x';
      subject.update(`m${i}`, thing({ options: { ...options } }), { now: `2026-01-01T00:00:${10 + i}Z` });
    }
    expect(subject.entries).toHaveLength(10);
    const [oldest] = subject.entries;
    expect(oldest).toMatchObject({
      manager: 'ancient-changes',
      operation: 'Update',
      apiVersion: 'x/v1',
      time: '2026-01-01T00:00:15Z',
    });
    const merged = Object.fromEntries(['.', 'f:o0', 'f:o1', 'f:o2', 'f:o3', 'f:o4', 'f:o5'].map((name) => [name, {}]));
    expect(oldest?.fieldsV1).toEqual({ 'f:spec': { 'f:options': merged } });
  });
});

describe('managedFields that a client sends', () => {
  const own = (fields: object, more: object = {}): ManagedFieldsEntry =>
    ({
      manager: 'c',
      operation: 'Update',
      apiVersion: 'x/v1',
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
      ...more,
    }) as never;
  const withEntries = (entries: unknown) => thing({ text: 'a' }, { managedFields: entries });
  const begun = () => new Subject().update('one', thing({ text: 'a' }));

  it('replace those that are there', () => {
    expect(begun().update('two', withEntries([own({ 'f:spec': { 'f:text': {} } })])).owners).toEqual({
      'c Update': { 'f:spec': { 'f:text': {} } },
    });
  });

  it.each([
    ['another operation', [own({}, { operation: 'Other' })]],
    ['no operation', [own({}, { operation: undefined })]],
    ['no version', [own({}, { apiVersion: '' })]],
    ['another type', [own({}, { fieldsType: 'FieldsV2' })]],
    ['no fields that make sense', [own({ nonsense: 1 })]],
  ])('are ignored with %s', (_name, entries) => {
    expect(begun().update('two', withEntries(entries)).owners).toEqual({
      'one Update': { 'f:spec': { 'f:text': {} } },
    });
  });

  it.each([[[]], [[{}]]])('%j forgets all of them, until something is applied', (entries) => {
    const subject = begun().update('two', withEntries(entries));
    expect(subject.entries).toEqual([]);
    expect(subject.update('two', thing({ text: 'b', flag: true })).entries).toEqual([]);
    subject.apply('three', thing({ replicas: 1 }));
    expect(subject.owners).toEqual({
      'three Apply': { 'f:spec': { 'f:replicas': {} } },
      'before-first-apply Update': { 'f:spec': { 'f:text': {}, 'f:flag': {} } },
    });
  });

  it('mean nothing in a subresource', () => {
    const subject = begun();
    subject.update('two', withEntries([{}]), { subresource: 'status', resets: resets('spec') });
    expect(Object.keys(subject.owners)).toEqual(['one Update']);
  });
});
