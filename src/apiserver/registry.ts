// The resource types that this server serves, found by group, version and plural, by kind, or by group-resource. Built
// once from definitions; knows no kind by name.
import { apiVersion, groupResource } from '../machinery/meta.ts';
import type { AnyResource, Subresource } from '../machinery/resource.ts';

const defaultVerbs: readonly string[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

const pathOf = (token: { group: string; version: string; plural: string }) => `${apiVersion(token)}/${token.plural}`;

/** Another version of a resource has of its own only what concerns its form; the rest is that of the stored resource. */
function completed(definition: AnyResource, all: ReadonlyMap<string, AnyResource>): AnyResource {
  const stored = definition.conversion && all.get(pathOf(definition.conversion.resource));
  if (!stored) throw new Error(`${pathOf(definition)} is a version of a resource that is not stored`);
  const { defaults } = definition.strategy;
  const { defaults: _, ...strategy } = stored.strategy;
  return {
    ...definition,
    strategy: { ...strategy, ...(defaults ? { defaults } : {}) },
    columns: stored.columns,
    ...(stored.subresources ? { subresources: stored.subresources } : {}),
    ...(stored.verbs ? { verbs: stored.verbs } : {}),
    ...(stored.selectableFields ? { selectableFields: stored.selectableFields } : {}),
    ...(stored.indexes ? { indexes: stored.indexes } : {}),
  };
}

export class Registry {
  readonly definitions: readonly AnyResource[];
  readonly #byPath = new Map<string, AnyResource>();
  readonly #byGroupResource = new Map<string, AnyResource>();

  constructor(definitions: readonly AnyResource[]) {
    const stored = new Map(definitions.filter(({ conversion }) => !conversion).map((one) => [pathOf(one), one]));
    this.definitions = definitions.map((one) => (one.conversion ? completed(one, stored) : one));
    for (const definition of this.definitions) {
      this.#byPath.set(pathOf(definition), definition);
      if (!definition.conversion) this.#byGroupResource.set(groupResource(definition), definition);
    }
  }

  find(group: string, version: string, plural: string): AnyResource | undefined {
    return this.#byPath.get(pathOf({ group, version, plural }));
  }

  /** As {@link find}, for callers whose token must be served: throws a plain error otherwise. */
  require(token: { group: string; version: string; plural: string }): AnyResource {
    const definition = this.find(token.group, token.version, token.plural);
    if (!definition) throw new Error(`no resource ${apiVersion(token)}/${token.plural} is served`);
    return definition;
  }

  /** Of another version of a resource, the resource that is stored; otherwise `definition` itself. */
  stored(definition: AnyResource): AnyResource {
    return definition.conversion ? this.require(definition.conversion.resource) : definition;
  }

  /** By upstream's notation (`pods`, `deployments.apps`), which is also the first segment of ledger keys. */
  findGroupResource(name: string): AnyResource | undefined {
    return this.#byGroupResource.get(name);
  }

  /** Groups with their versions, core first, then by name. */
  groups(): { group: string; versions: string[] }[] {
    const groups = new Map<string, Set<string>>();
    for (const { group, version } of this.definitions) {
      const versions = groups.get(group) ?? new Set();
      groups.set(group, versions.add(version));
    }
    return [...groups]
      .map(([group, versions]) => ({ group, versions: [...versions] }))
      .sort((a, b) => (a.group < b.group ? -1 : 1));
  }

  inGroupVersion(group: string, version: string): AnyResource[] {
    return this.definitions
      .filter((definition) => definition.group === group && definition.version === version)
      .sort((a, b) => (a.plural < b.plural ? -1 : 1));
  }
}

/** Whether there is such a resource, and subresource, stored or `virtual` (by group, version and plural). */
export function isServed(
  registry: Registry,
  virtual: ReadonlyMap<string, unknown>,
  { group, version, resource, subresource }: Record<'group' | 'version' | 'resource' | 'subresource', string>,
): boolean {
  if (virtual.has(`${group}/${version}/${resource}`)) return subresource === '';
  const definition = registry.find(group, version, resource);
  return definition !== undefined && (subresource === '' || subresourceOf(definition, subresource) !== undefined);
}

export function verbsOf(definition: AnyResource): readonly string[] {
  return definition.verbs ?? defaultVerbs;
}

export function subresourceOf(definition: AnyResource, name: string): Subresource | undefined {
  return definition.subresources?.find((subresource) => subresource.name === name);
}
