// A type with a field of every sort, and writers of it, for the tests of this folder.
import type { KubeObject, ManagedFieldsEntry } from '../meta.ts';
import type { SchemaTable } from '../schema/table.ts';
import { Schemas } from '../schema/types.ts';
import { apply } from './apply.ts';
import { Shapes } from './shape.ts';
import { track } from './track.ts';
import type { Json, ManagedWrite, VersionView } from './write.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const table: SchemaTable = {
  [meta]: {
    f: {
      name: 's',
      namespace: 's',
      uid: 's',
      generation: 'l',
      labels: '{s',
      annotations: '{s',
      finalizers: { t: '[s', lt: 'set' },
    },
  },
  Thing: {
    f: {
      apiVersion: 's',
      kind: 's',
      metadata: { t: `#${meta}`, z: 1 },
      spec: { t: '#Spec', z: 1 },
      status: { t: '#Status', z: 1 },
    },
  },
  Spec: {
    f: {
      replicas: { t: 'i', p: 1 },
      text: 's',
      flag: 'b',
      set: { t: '[s', lt: 'set' },
      numbers: { t: '[i', lt: 'set' },
      items: { t: '[#Item', lt: 'map', lk: ['name'] },
      ports: { t: '[#Port', lt: 'map', lk: ['port', 'protocol'] },
      required: { t: '[#Item', r: 1, lt: 'map', lk: ['name'] },
      atoms: { t: '[s', lt: 'atomic' },
      plain: '[#Item',
      merged: { t: '[#Item', ps: 'merge', pk: 'name' },
      selector: { t: '{s', mt: 'atomic' },
      options: '{s',
      parts: '{#Item',
      nested: '#Nested',
      whole: '#Whole',
      any: '*',
    },
  },
  Item: { f: { name: { t: 's', r: 1, z: 1 }, value: 's', inner: '#Nested', list: { t: '[s', lt: 'set' } } },
  Port: { f: { port: { t: 'i', r: 1, z: 1 }, protocol: { t: 's', d: 'TCP' }, name: 's' } },
  Nested: { f: { a: 's', b: 's' } },
  Whole: { f: { a: 's', b: 's' }, mt: 'atomic' },
  Status: { f: { phase: 's', conditions: { t: '[#Item', lt: 'map', lk: ['name'] } } },
};

const shape = new Shapes(new Schemas(table)).of('Thing');
const view: VersionView = { shape, fromStored: (object) => object, toStored: (object) => object };

export const resets = (...roots: string[]) => ({ roots: new Set(roots), nested: {}, kept: undefined });

export function writer(manager: string, more: Partial<ManagedWrite> = {}): ManagedWrite {
  return {
    type: { group: 'x', version: 'v1', kind: 'Thing', at: (version) => (version === 'x/v1' ? view : undefined) },
    apiVersion: 'x/v1',
    subresource: '',
    manager,
    now: '2026-01-01T00:00:00Z',
    resets: resets('status'),
    ...more,
  };
}

export const thing = (spec: Json, metadata: Json = {}): Json => ({
  apiVersion: 'x/v1',
  kind: 'Thing',
  metadata: { name: 't', ...metadata },
  spec,
});

/** An object under writes, with its managed fields. */
export class Subject {
  object: Json | undefined;

  update(manager: string, object: Json, more: Partial<ManagedWrite> = {}): this {
    const entries = track(writer(manager, more), this.object, object);
    return this.#keep(object, entries);
  }

  apply(manager: string, patch: Json, force = false, more: Partial<ManagedWrite> = {}): this {
    const { object, managedFields } = apply(writer(manager, more), this.object, structuredClone(patch), force);
    return this.#keep(object, managedFields);
  }

  #keep(object: Json, managedFields: ManagedFieldsEntry[] | undefined): this {
    const { managedFields: _, ...metadata } = object.metadata as Json;
    this.object = clean({
      ...object,
      metadata: { uid: 'u', ...metadata, ...(managedFields ? { managedFields } : {}) },
    });
    return this;
  }

  get spec(): unknown {
    return this.object?.spec;
  }

  get entries(): ManagedFieldsEntry[] {
    return (this.object as unknown as KubeObject).metadata.managedFields ?? [];
  }

  /** Manager and operation → fields. */
  get owners(): Record<string, unknown> {
    return Object.fromEntries(
      this.entries.map(({ manager, operation, subresource, fieldsV1 }) => [
        [manager, operation, ...(subresource ? [subresource] : [])].join(' '),
        fieldsV1,
      ]),
    );
  }
}

const isGone = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0);

/** As decoding leaves it: what is null or an empty list is absent. */
export function clean(value: unknown): never {
  if (Array.isArray(value)) return value.map(clean) as never;
  if (typeof value !== 'object' || value === null) return value as never;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (isGone(inner) ? [] : [[key, clean(inner)]])),
  ) as never;
}
