// What is served, told to clients: aggregated discovery (apidiscovery.k8s.io/v2) and the legacy documents. Made from the
// registry; an ETag spares clients the rest.

import { sha256, toBase64 } from '../../machinery/bytes.ts';
import { apiVersion, type ResourceToken } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { type Registry, verbsOf } from '../registry.ts';
import type { VirtualResource } from '../rest/virtual.ts';
import { compareGroups, compareVersions } from './groups.ts';

const sorted = (verbs: readonly string[]) => [...verbs].sort();

interface Served {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  verbs: readonly string[];
  shortNames: readonly string[];
  categories: readonly string[];
  subresources: { name: string; verbs: readonly string[]; kind: { group: string; version: string; kind: string } }[];
  /** What its objects are stored as; undefined: they are not. */
  stored?: Pick<ResourceToken, 'group' | 'version' | 'kind'>;
}

function servedDefinition(definition: AnyResource): Served {
  const { group, version, plural, singular, kind, namespaced, shortNames = [], categories = [] } = definition;
  const subresources = [...(definition.subresources ?? [])]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, verbs, kind: own }) => ({ name, verbs: sorted(verbs), kind: own ?? { group, version, kind } }));
  return {
    group,
    version,
    plural,
    singular,
    kind,
    namespaced,
    verbs: sorted(verbsOf(definition)),
    shortNames,
    categories,
    subresources,
    ...(verbsOf(definition).includes('create') ? { stored: definition.conversion?.resource ?? definition } : {}),
  };
}

/** Upstream's StorageVersionHash: opaque to clients, and equal while objects are stored in the same form. */
export async function storageVersionHash({ group, version, kind }: Pick<ResourceToken, 'group' | 'version' | 'kind'>) {
  return toBase64((await sha256(`${group}/${version}/${kind}`)).subarray(0, 8));
}

export class Discovery {
  readonly #served: Served[];
  readonly #groups: { group: string; versions: string[] }[];

  constructor(registry: Registry, virtual: readonly VirtualResource[]) {
    this.#served = [
      ...registry.definitions.map(servedDefinition),
      ...virtual.map((resource) => ({
        ...resource,
        verbs: ['create'],
        shortNames: [],
        categories: [],
        subresources: [],
      })),
    ].sort((a, b) => (a.plural < b.plural ? -1 : 1));
    const groups = new Map<string, Set<string>>();
    for (const { group, version } of this.#served) groups.set(group, (groups.get(group) ?? new Set()).add(version));
    this.#groups = [...groups]
      .map(([group, versions]) => ({ group, versions: [...versions].sort(compareVersions) }))
      .sort((a, b) => compareGroups(a.group, b.group));
  }

  has(group: string): boolean {
    return this.#groups.some((one) => one.group === group);
  }

  groupVersions(): { group: string; version: string }[] {
    return this.#groups.flatMap(({ group, versions }) => versions.map((version) => ({ group, version })));
  }

  /** APIGroupDiscoveryList of /api (`core`) or /apis. */
  aggregated(core: boolean): unknown {
    return {
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      metadata: {},
      items: this.#groups
        .filter(({ group }) => (group === '') === core)
        .map(({ group, versions }) => ({
          metadata: group === '' ? {} : { name: group },
          versions: versions.map((own) => ({
            version: own,
            resources: this.#inGroupVersion(group, own).map(aggregatedResource),
            freshness: 'Current',
          })),
        })),
    };
  }

  apiVersions(serverAddress: string): unknown {
    return {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
    };
  }

  apiGroupList(): unknown {
    return {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: this.#groups.filter(({ group }) => group !== '').map(groupEntry),
    };
  }

  apiGroup(name: string): unknown | undefined {
    const found = this.#groups.find(({ group }) => group === name && group !== '');
    return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found) };
  }

  async apiResourceList(group: string, version: string): Promise<unknown | undefined> {
    const served = this.#inGroupVersion(group, version);
    if (served.length === 0) return undefined;
    return {
      kind: 'APIResourceList',
      ...(group === '' ? {} : { apiVersion: 'v1' }),
      groupVersion: apiVersion({ group, version }),
      resources: (await Promise.all(served.map(legacyResources))).flat(),
    };
  }

  #inGroupVersion(group: string, version: string): Served[] {
    return this.#served.filter((served) => served.group === group && served.version === version);
  }
}

function groupEntry({ group, versions }: { group: string; versions: string[] }) {
  const all = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: all, preferredVersion: all[0] };
}

function aggregatedResource(served: Served) {
  const { group, version } = served;
  // As upstream: group and version are left empty where they are the enclosing ones.
  const relative = (kind: { group: string; version: string; kind: string }) =>
    kind.group === group && kind.version === version
      ? { group: '', version: '', kind: kind.kind }
      : { group: kind.group, version: kind.version, kind: kind.kind };
  return {
    resource: served.plural,
    responseKind: { group: '', version: '', kind: served.kind },
    scope: served.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: served.singular,
    verbs: served.verbs,
    ...(served.shortNames.length > 0 ? { shortNames: served.shortNames } : {}),
    ...(served.categories.length > 0 ? { categories: served.categories } : {}),
    ...(served.subresources.length > 0
      ? {
          subresources: served.subresources.map(({ name, verbs, kind }) => ({
            subresource: name,
            responseKind: relative(kind),
            verbs,
          })),
        }
      : {}),
  };
}

async function legacyResources(served: Served) {
  return [
    {
      name: served.plural,
      singularName: served.singular,
      namespaced: served.namespaced,
      kind: served.kind,
      verbs: served.verbs,
      ...(served.shortNames.length > 0 ? { shortNames: served.shortNames } : {}),
      ...(served.categories.length > 0 ? { categories: served.categories } : {}),
      ...(served.stored ? { storageVersionHash: await storageVersionHash(served.stored) } : {}),
    },
    ...served.subresources.map(({ name, verbs, kind }) => ({
      name: `${served.plural}/${name}`,
      singularName: '',
      namespaced: served.namespaced,
      ...(kind.group === served.group && kind.version === served.version
        ? {}
        : { group: kind.group, version: kind.version }),
      kind: kind.kind,
      verbs,
    })),
  ];
}
