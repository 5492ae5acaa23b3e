import { describe, expect, it } from 'vitest';
import { ApiError } from '../errors.ts';
import { isJsonObject } from '../schema/json.ts';
import { apply } from './apply.ts';
import { pathsOf, pathText } from './fields.ts';
import { clean, resets, Subject, thing, writer } from './testing.ts';
import type { Json } from './write.ts';

function refusal(work: () => unknown): ApiError {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** For comparing the order of lists, but not that of fields. */
const ordered = (_key: string, value: unknown): unknown =>
  isJsonObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;

describe('an apply', () => {
  it('creates, and owns what it says', () => {
    const subject = new Subject().apply(
      'me',
      thing({ replicas: 1, nested: {}, items: [{ name: 'a' }] }, { labels: { a: 'b' } }),
    );
    expect(subject.entries).toEqual([
      {
        manager: 'me',
        operation: 'Apply',
        apiVersion: 'x/v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { 'f:a': {} } },
          'f:spec': { 'f:items': { 'k:{"name":"a"}': { '.': {}, 'f:name': {} } }, 'f:nested': {}, 'f:replicas': {} },
        },
      },
    ]);
  });

  it('owns no list or status that is empty to it', () => {
    const patch = { ...thing({ items: [], set: [], atoms: [] }), status: { phase: 'x' } };
    expect(new Subject().apply('me', patch).owners).toEqual({ 'me Apply': { 'f:spec': { 'f:atoms': {} } } });
  });

  const table: [string, object, ...[manager: string, spec: object][]][] = [
    ['replaces atomic lists', { atoms: ['3'] }, ['a', { atoms: ['1', '2'] }], ['a', { atoms: ['3'] }]],
    ['removes what it does not say any more', { text: 'x' }, ['a', { replicas: 1, text: 'x' }], ['a', { text: 'x' }]],
    ['removes a struct with its last field', {}, ['a', { nested: { a: '1' } }], ['a', {}]],
    [
      'keeps what another applies as well',
      { replicas: 1, text: 'x' },
      ['a', { replicas: 1, text: 'x' }],
      ['b', { replicas: 1 }],
      ['a', { text: 'x' }],
    ],
    [
      'keeps items of others',
      { items: [{ name: 'b' }] },
      ['a', { items: [{ name: 'a' }] }],
      ['b', { items: [{ name: 'b' }] }],
      ['a', {}],
    ],
    [
      'keeps fields that others have in its items',
      { items: [{ inner: { a: '1' }, name: 'x' }] },
      ['a', { items: [{ name: 'x', value: '1' }] }],
      ['b', { items: [{ name: 'x', inner: { a: '1' } }] }],
      ['a', { items: [{ name: 'x' }] }],
    ],
    [
      'takes away its item but not the fields of others in it',
      { items: [{ inner: { a: '1' }, name: 'x' }] },
      ['a', { items: [{ name: 'x', value: '1' }] }],
      ['b', { items: [{ name: 'x', inner: { a: '1' } }] }],
      ['a', {}],
    ],
    ['merges sets', { set: ['b', 'c'] }, ['a', { set: ['a', 'b'] }], ['b', { set: ['b', 'c'] }], ['a', { set: ['b'] }]],
    [
      'tells ports apart by both keys',
      { ports: [{ port: 1, protocol: 'UDP' }] },
      ['a', { ports: [{ port: 1 }] }],
      ['b', { ports: [{ port: 1, protocol: 'UDP' }] }],
      ['a', {}],
    ],
    [
      'tells a defaulted key from none',
      { ports: [{ name: 'p', port: 1, protocol: 'TCP' }] },
      ['a', { ports: [{ port: 1 }] }],
      ['a', { ports: [{ port: 1, protocol: 'TCP', name: 'p' }] }],
    ],
    [
      'merges maps by key',
      { options: { b: '2' } },
      ['a', { options: { a: '1' } }],
      ['b', { options: { b: '2' } }],
      ['a', { options: {} }],
    ],
    [
      'orders lists as it says',
      { items: [{ name: 'c' }, { name: 'a' }, { name: 'b' }] },
      ['a', { items: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }],
      ['a', { items: [{ name: 'c' }, { name: 'a' }, { name: 'b' }] }],
    ],
    [
      'leaves items of others where they were',
      { items: [{ name: '2' }, { name: '3' }, { name: '1' }] },
      ['a', { items: [{ name: '1' }, { name: '3' }] }],
      ['b', { items: [{ name: '2' }, { name: '1' }] }],
      ['a', { items: [{ name: '3' }, { name: '1' }] }],
    ],
  ];
  it.each(table)('%s', (_name, expected, ...steps) => {
    const subject = new Subject();
    for (const [manager, spec] of steps) subject.apply(manager, thing(spec as never));
    expect(JSON.stringify(subject.spec, ordered)).toBe(JSON.stringify(expected, ordered));
  });

  it('does not remove what updates have taken over', () => {
    const subject = new Subject().apply('a', thing({ text: 'x', replicas: 1 }));
    subject.update('ctrl', thing({ text: 'x', replicas: 5 }));
    subject.apply('a', thing({ text: 'x' }));
    expect(subject.spec).toEqual({ text: 'x', replicas: 5 });
    expect(subject.owners).toEqual({
      'a Apply': { 'f:spec': { 'f:text': {} } },
      'ctrl Update': { 'f:spec': { 'f:replicas': {} } },
    });
  });

  it('leaves its time when it changes nothing, and a newcomer without one', () => {
    const subject = new Subject().apply('a', thing({ text: 'x' }));
    subject.apply('a', thing({ text: 'x' }), false, { now: '2027-01-01T00:00:00Z' });
    subject.apply('b', thing({ text: 'x' }), false, { now: '2027-01-01T00:00:00Z' });
    expect(subject.entries.map(({ manager, time }) => [manager, time])).toEqual([
      ['b', undefined],
      ['a', '2026-01-01T00:00:00Z'],
    ]);
  });

  it('of a subresource is a manager of its own', () => {
    const subject = new Subject().apply('a', thing({ text: 'x' }));
    const status = { ...thing({ text: 'y' }), status: { phase: 'z' } };
    subject.apply('a', status, false, { subresource: 'status', resets: resets('spec') });
    expect(subject.owners).toEqual({
      'a Apply': { 'f:spec': { 'f:text': {} } },
      'a Apply status': { 'f:status': { 'f:phase': {} } },
    });
  });
});

describe('conflicts', () => {
  const begun = () =>
    new Subject()
      .apply('one', thing({ text: 'a', items: [{ name: 'x', value: '1' }] }))
      .update('two', thing({ text: 'a', replicas: 1, items: [{ name: 'x', value: '1' }] }));

  it('one', () => {
    const error = refusal(() => begun().apply('me', thing({ replicas: 2 })));
    expect([error.code, error.reason]).toEqual([409, 'Conflict']);
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "two" using x/v1: .spec.replicas');
    expect(error.details).toEqual({
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "two" using x/v1', field: '.spec.replicas' }],
    });
  });

  it('several, by manager', () => {
    const error = refusal(() =>
      begun().apply('me', thing({ replicas: 2, text: 'b', items: [{ name: 'x', value: '2' }] })),
    );
    expect(error.message).toBe(
      [
        'Apply failed with 3 conflicts: conflicts with "one":',
        '- .spec.text',
        '- .spec.items[name="x"].value',
        'conflicts with "two" using x/v1:',
        '- .spec.replicas',
      ].join('\n'),
    );
    expect(error.details?.causes?.map(({ field }) => field)).toEqual([
      '.spec.text',
      '.spec.items[name="x"].value',
      '.spec.replicas',
    ]);
  });

  it('name the subresource', () => {
    const subject = begun();
    subject.update(
      's',
      { ...(subject.object as object), status: { phase: 'a' } },
      { subresource: 'status', resets: resets() },
    );
    const patch = { ...thing({}), status: { phase: 'b' } };
    const error = refusal(() => subject.apply('me', patch, false, { resets: resets() }));
    expect(error.message).toContain('conflict with "s" with subresource "status" using x/v1: .status.phase');
  });

  it('are none over equal values: they are shared', () => {
    expect(begun().apply('me', thing({ replicas: 1 })).owners).toMatchObject({
      'me Apply': { 'f:spec': { 'f:replicas': {} } },
      'two Update': { 'f:spec': { 'f:replicas': {} } },
    });
  });

  it('go with force, and what is taken is lost to the others', () => {
    const subject = begun().apply('me', thing({ replicas: 2, text: 'b' }), true);
    expect(subject.spec).toMatchObject({ replicas: 2, text: 'b' });
    expect(Object.keys(subject.owners).sort()).toEqual(['me Apply', 'one Apply']);
  });

  it('with the same name count when the operation is another', () => {
    const subject = new Subject().update('me', thing({ replicas: 1 }));
    expect(refusal(() => subject.apply('me', thing({ replicas: 2 }))).message).toContain('"me" using x/v1');
  });
});

describe('what came from client-side apply', () => {
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const applied = (spec: object) => {
    const text = JSON.stringify(thing(spec as never));
    return new Subject().update(
      'kubectl-client-side-apply',
      thing(spec as never, { annotations: { [annotation]: text } }),
    );
  };

  it('kubectl takes over without force, and the annotation follows', () => {
    const subject = applied({ replicas: 1, text: 'a' });
    subject.apply('kubectl', thing({ replicas: 2, text: 'a' }));
    expect(subject.spec).toEqual({ replicas: 2, text: 'a' });
    const { annotations } = (subject.object as Json).metadata as { annotations: Record<string, string> };
    expect(annotations[annotation]).toBe(
      '{"apiVersion":"x/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"replicas":2,"text":"a"}}\n',
    );
  });

  it('others need force', () => {
    expect(refusal(() => applied({ replicas: 1 }).apply('me', thing({ replicas: 2 }))).reason).toBe('Conflict');
  });

  it('what has changed since is in conflict still', () => {
    const subject = applied({ replicas: 1, text: 'a' });
    subject.update('ctrl', { ...(subject.object as object), spec: { replicas: 5, text: 'a' } } as never);
    expect(refusal(() => subject.apply('kubectl', thing({ replicas: 2, text: 'b' }))).message).toBe(
      'Apply failed with 1 conflict: conflict with "ctrl" using x/v1: .spec.replicas',
    );
  });
});

describe('a configuration is refused', () => {
  const typed = (problem: string) => `failed to create typed patch object (/t; x/v1, Kind=Thing): ${problem}`;
  it.each([
    ['of another kind', { ...thing({}), kind: 'Other' }, 'invalid object type: x/v1, Kind=Other'],
    ['of another version', { ...thing({}), apiVersion: 'v1' }, 'invalid object type: /v1, Kind=Thing'],
    ['that is empty', {}, 'invalid object type: /, Kind='],
    ['with managed fields', thing({}, { managedFields: [] }), 'metadata.managedFields must be nil'],
    ['with an unknown field', thing({ foo: 1 }), typed('.spec.foo: field not declared in schema')],
    [
      'with a number for a text',
      thing({ text: 1 }),
      typed('.spec.text: expected string, got &value.valueUnstructured{Value:1}'),
    ],
    [
      'with a text for a number',
      thing({ replicas: 'x' }),
      typed('.spec.replicas: expected numeric (int or float), got string'),
    ],
    ['with a text for a flag', thing({ flag: 'x' }), typed('.spec.flag: expected boolean, got &{x}')],
    ['with a text for a list', thing({ items: 'x' }), typed('.spec.items: expected list, got &{x}')],
    ['with a list for a map', thing({ options: ['x'] }), typed('.spec.options: expected map, got &{[x]}')],
    [
      'with the same item twice',
      thing({ items: [{ name: 'a' }, { name: 'a' }] }),
      typed('.spec.items: duplicate entries for key [name="a"]'),
    ],
    ['with the same value twice', thing({ set: ['a', 'a'] }), typed('.spec.set: duplicate entries for key [="a"]')],
    [
      'with the same port twice',
      thing({ ports: [{ port: 1 }, { port: 1, protocol: 'TCP' }] }),
      typed('.spec.ports: duplicate entries for key [port=1,protocol="TCP"]'),
    ],
    [
      'with an item that is none',
      thing({ items: ['a'] }),
      typed('.spec.items: element 0: associative list with keys may not have non-map elements'),
    ],
    [
      'with null in a set',
      thing({ set: [null] }),
      typed(".spec.set: element 0: associative list without keys has an element that's an explicit null"),
    ],
    [
      'wrong within an item',
      thing({ items: [{ name: 'a', value: 1 }] }),
      typed('.spec.items[name="a"].value: expected string, got &value.valueUnstructured{Value:1}'),
    ],
    [
      'wrong within an atomic list',
      thing({ atoms: ['a', 1] }),
      typed('.spec.atoms[1]: expected string, got &value.valueUnstructured{Value:1}'),
    ],
    [
      'wrong twice',
      thing({ text: 1, flag: 1 }),
      typed(
        'errors:\n  .spec.text: expected string, got &value.valueUnstructured{Value:1}\n  .spec.flag: expected boolean, got &{1}',
      ),
    ],
  ])('%s', (_name, patch, message) => {
    const error = refusal(() => new Subject().apply('me', patch as never));
    expect([error.code, error.message]).toEqual([400, message]);
  });
});

describe('applies and updates at random', () => {
  let state = 1;
  const int = (max: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
  const some = <T>(list: readonly T[]) => list.filter(() => int(2) === 0);
  const spec = (): Record<string, unknown> =>
    Object.fromEntries(
      some([
        ['replicas', int(3)],
        ['text', 'abc'[int(3)]],
        ['set', some(['a', 'b', 'c'])],
        ['atoms', ['a', ...some(['b'])]],
        ['options', Object.fromEntries(some(['a', 'b', 'c']).map((key) => [key, 'xy'[int(2)]]))],
        ['selector', { a: 'xy'[int(2)] }],
        ['nested', Object.fromEntries(some(['a', 'b']).map((key) => [key, 'xy'[int(2)]]))],
        ['items', some(['a', 'b', 'c']).map((name) => ({ name, value: 'xy'[int(2)], list: some(['1', '2']) }))],
        ['ports', some([1, 2]).map((port) => ({ port, name: 'xy'[int(2)] }))],
      ]),
    );
  const fieldsIn = (value: unknown, out: string[] = [], path = ''): string[] => {
    if (path !== '') out.push(path);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [key, inner] of Object.entries(value)) fieldsIn(inner, out, `${path}.${key}`);
    return out;
  };

  it('end with owners of what is there, and an apply repeated changes nothing', () => {
    for (let round = 0; round < 150; round++) {
      const subject = new Subject();
      for (let step = 0; step < 5; step++) {
        const manager = `m${int(3)}`;
        const content: Json = clean(spec());
        if (int(2) === 0 && subject.object) {
          subject.update(manager, thing(content));
          continue;
        }
        subject.apply(manager, thing(content), true);
        const before = JSON.stringify(subject.object);
        const again = apply(writer(manager), subject.object, thing(content), false);
        expect(JSON.stringify(again.managedFields)).toBe(JSON.stringify(subject.entries));
        subject.apply(manager, thing(content), false, { now: '2030-01-01T00:00:00Z' });
        expect(JSON.stringify(subject.object)).toBe(before);
        // All that was applied is there, with the value it was given.
        for (const key of ['replicas', 'text', 'atoms', 'selector'])
          if (content[key] !== undefined) expect((subject.spec as never)[key]).toEqual(content[key]);
      }
      const present = new Set(fieldsIn(subject.object));
      for (const { fieldsV1 } of subject.entries)
        for (const path of pathsOf(fieldsV1 as never)) {
          const text = pathText(path);
          if (!text.includes('[')) expect(present).toContain(text);
        }
    }
  });
});
