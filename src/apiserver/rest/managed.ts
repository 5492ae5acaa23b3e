// Managed fields of writes: which type, version and reset fields a write has, and the entries that it leaves. What they mean
// is src/machinery/managed.
import {
  type Applied,
  apply,
  fieldElement,
  type Json,
  type ManagedType,
  type ManagedWrite,
  parentEntries,
  type ResetFields,
  Shapes,
  scaleEntries,
  single,
  track,
  union,
} from '../../machinery/managed/index.ts';
import { apiVersion, type KubeObject, type ManagedFieldsEntry } from '../../machinery/meta.ts';
import type { AnyResource, Subresource } from '../../machinery/resource.ts';
import type { Schemas } from '../../machinery/schema/types.ts';
import { type Core, timestamp } from '../core.ts';
import type { Registry } from '../registry.ts';
import { inVersion, written } from '../storage/codec.ts';
import type { WriteScope } from './scope.ts';

/** What is known of every kind, made on first use. */
export class ManagedTypes {
  readonly #shapes: Shapes;
  readonly #registry: Registry;
  readonly #types = new Map<AnyResource, ManagedType>();
  readonly #scales = new Map<string, ManagedType>();
  readonly #resets = new Map<AnyResource, Map<string, ResetFields>>();

  constructor(schemas: Schemas, registry: Registry) {
    this.#shapes = new Shapes(schemas);
    this.#registry = registry;
  }

  /** Of an object that is written as `requested`. */
  of(requested: AnyResource): ManagedType {
    const known = this.#types.get(requested);
    if (known) return known;
    const stored = this.#registry.stored(requested);
    const versions = new Map(
      this.#registry.definitions
        .filter((one) => this.#registry.stored(one) === stored)
        .map((one) => [apiVersion(one), { definition: one, shape: this.#shapes.of(one.schema) }]),
    );
    const { group, version, kind } = requested;
    const type: ManagedType = {
      group,
      version,
      kind,
      at(wanted) {
        const found = versions.get(wanted);
        if (!found) return undefined;
        const { definition, shape } = found;
        const { conversion } = definition;
        if (!conversion) return { shape, fromStored: (object) => object, toStored: (object) => object };
        return {
          shape,
          fromStored: (object) => inVersion(definition, object as unknown as KubeObject) as unknown as Json,
          toStored: (object) => ({ ...conversion.toStored(object as unknown as KubeObject) }),
        };
      },
    };
    this.#types.set(requested, type);
    return type;
  }

  /** Of a subresource that is another form of its object. */
  ofProjection({ group, version, kind, schema }: NonNullable<Subresource['kind']>): ManagedType {
    const known = this.#scales.get(schema);
    if (known) return known;
    const shape = this.#shapes.of(schema);
    const own = apiVersion({ group, version });
    const same = (object: Json): Json => object;
    const view = { shape, fromStored: same, toStored: same };
    const type: ManagedType = { group, version, kind, at: (wanted) => (wanted === own ? view : undefined) };
    this.#scales.set(schema, type);
    return type;
  }

  resetsOf(definition: AnyResource, subresource: Subresource | undefined): ResetFields {
    const name = subresource?.name ?? '';
    const known = this.#resets.get(definition) ?? new Map<string, ResetFields>();
    this.#resets.set(definition, known);
    const found = known.get(name);
    if (found) return found;
    const made = resetFields(...ownedPaths(definition, subresource, this.#shapes));
    known.set(name, made);
    return made;
  }
}

function ownedPaths(
  definition: AnyResource,
  subresource: Subresource | undefined,
  shapes: Shapes,
): [resets: readonly string[], owned: readonly string[] | undefined] {
  if (!subresource) {
    const hasStatus = shapes.of(definition.schema).fields.has('status');
    return [definition.strategy.resetFields ?? (hasStatus ? ['status'] : []), undefined];
  }
  if (subresource.behaviour.type !== 'part') return [[], undefined];
  const { resetFields: resets, ownedFields } = subresource.behaviour;
  return [resets ?? [], ownedFields];
}

const elementsOf = (path: string): string[] =>
  path.split('.').map((name) => (name === '*' ? name : fieldElement(name)));

function resetFields(resets: readonly string[], owned: readonly string[] | undefined): ResetFields {
  return {
    roots: new Set(resets.filter((path) => !path.includes('.'))),
    nested: resets
      .filter((path) => path.includes('.'))
      .map((path) => single(elementsOf(path)))
      .reduce(union, {}),
    kept: owned?.map(elementsOf),
  };
}

const json = (object: KubeObject): Json => object as unknown as Json;
/** What was empty when it was stored is null, unlike what a client writes. */
const storedJson = (object: KubeObject | undefined): Json | undefined => object && json(written(object));

function writeOf(scope: WriteScope): ManagedWrite {
  const { core, requested, definition, subresource, manager = '' } = scope;
  return {
    type: core.managed.of(requested),
    apiVersion: apiVersion(requested),
    subresource: subresource?.name ?? '',
    manager,
    now: timestamp(core.clock.now()),
    resets: core.managed.resetsOf(definition, subresource),
  };
}

const noResets: ResetFields = { roots: new Set(), nested: {}, kept: undefined };

/** The managedFields of an object that is answered and not stored. */
export function managedFieldsOfVirtual(
  { managed, clock }: Pick<Core, 'managed' | 'clock'>,
  kind: NonNullable<Subresource['kind']>,
  object: KubeObject,
  manager: string,
): ManagedFieldsEntry[] | undefined {
  const type = managed.ofProjection(kind);
  const now = timestamp(clock.now());
  const write = { type, apiVersion: apiVersion(kind), subresource: '', manager, now, resets: noResets };
  return track(write, undefined, json(object));
}

/** The managedFields to store with `draft`, before admission and hooks see it; `old` undefined: it is created. */
export function managedFieldsOf(
  scope: WriteScope,
  draft: KubeObject,
  old: KubeObject | undefined,
): ManagedFieldsEntry[] | undefined {
  return scope.applied ? scope.applied.managedFields : track(writeOf(scope), storedJson(old), json(draft));
}

/** Server-side apply over `old`, in the requested version; undefined: it is to be created. */
export function applied(scope: WriteScope, old: KubeObject | undefined, patch: Json, force: boolean): Applied {
  return apply(writeOf(scope), storedJson(old), patch, force);
}

/** As {@link writeOf}, of the projection itself. */
function projectionWrite(scope: WriteScope): ManagedWrite {
  const { core, subresource } = scope;
  const kind = subresource?.kind as NonNullable<Subresource['kind']>;
  return { ...writeOf(scope), type: core.managed.ofProjection(kind), apiVersion: apiVersion(kind) };
}

/** A projection with the managers that it shows. */
function withEntries({ definition }: WriteScope, projection: KubeObject, old: KubeObject): KubeObject {
  const managedFields = scaleEntries(old.metadata.managedFields, apiVersion(definition));
  return { ...projection, metadata: { ...projection.metadata, ...(managedFields ? { managedFields } : {}) } };
}

/** The managedFields of an object whose projection, `before`, is to become `after`. */
export function projectedFieldsOf(
  scope: WriteScope,
  old: KubeObject,
  before: KubeObject,
  after: KubeObject,
): ManagedFieldsEntry[] | undefined {
  const left = scope.applied
    ? scope.applied.managedFields
    : track(projectionWrite(scope), json(withEntries(scope, before, old)), json(after));
  return parentEntries(old.metadata.managedFields, left, apiVersion(scope.definition));
}

/** Server-side apply to a projection of `old`. */
export function appliedToProjection(
  scope: WriteScope,
  old: KubeObject,
  before: KubeObject,
  patch: Json,
  force: boolean,
): Applied {
  return apply(projectionWrite(scope), json(withEntries(scope, before, old)), patch, force);
}
