// The agent's copy of everything that the control plane has told it, in memory and as a snapshot on disk (one file, renamed
// into place, readable by root alone; Secrets are sealed in it). Answers the questions of pods, volumes and the network.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { ConfigMap, Node, Pod, PodStatus, Secret, Service } from '../../src/generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../src/generated/schemas/discovery-v1.ts';
import type { ClusterInfo, NodeChange } from '../../src/protocol/node.ts';
import type { NetworkView } from '../network/types.ts';
import type { Objects } from '../objects.ts';
import type { Allocation } from '../pods/resize.ts';
import { referable, referencesOf } from './references.ts';
import type { Sealer } from './sealer.ts';

interface Snapshot {
  version: 1;
  epoch: string;
  revision: number;
  objects: ({ resource: string; object: Record<string, unknown> } | { resource: string; sealed: string })[];
  /** Of pods whose resources were changed, by uid. */
  allocations?: Record<string, Allocation>;
}

/** What survives besides the snapshot: who this node is. */
export interface Identity {
  credential: string;
  cluster: ClusterInfo;
  /** By this machine's clock; absent: it was not said how long it is good. */
  renewAtMs?: number;
  /** Its successor, asked for and not known to be accepted. */
  next?: string;
  previous?: string;
  /** The control plane knows none of them any more. */
  refused?: boolean;
}

/** Where snapshot and identity are kept: small files, each replaced as a whole and durable once `write` resolves. */
export interface StateFiles {
  /** Undefined: there is none. */
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  /** Keeps Secrets from being readable there; absent: they are. */
  sealer?: Sealer;
}

export function diskFiles(directory: string, sealer?: Sealer): StateFiles {
  return {
    ...(sealer ? { sealer } : {}),
    read: (name) => fs.readFile(path.join(directory, name), 'utf8').catch(() => undefined),
    async write(name, text) {
      const file = path.join(directory, name);
      await fs.mkdir(directory, { recursive: true, mode: 0o700 });
      await fs.writeFile(`${file}.tmp`, text, { mode: 0o600, flush: true });
      await fs.rename(`${file}.tmp`, file);
    },
  };
}

type Stored = Record<string, unknown> & { metadata?: { name?: string; namespace?: string; uid?: string } };

const kinds: Record<string, { apiVersion: string; kind: string }> = {
  pods: { apiVersion: 'v1', kind: 'Pod' },
  nodes: { apiVersion: 'v1', kind: 'Node' },
  services: { apiVersion: 'v1', kind: 'Service' },
  configmaps: { apiVersion: 'v1', kind: 'ConfigMap' },
  secrets: { apiVersion: 'v1', kind: 'Secret' },
  serviceaccounts: { apiVersion: 'v1', kind: 'ServiceAccount' },
  'endpointslices.discovery.k8s.io': { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
};

export class Store implements Objects {
  epoch = '';
  revision = 0;
  readonly nodeName: string;
  readonly #files: StateFiles;
  #objects = new Map<string, Map<string, Stored>>();
  /** What this node last said of its pods, which the control plane may not have heard or told back yet. */
  #saving: Promise<void> = Promise.resolve();
  readonly #said = new Map<string, PodStatus>();
  readonly #allocations = new Map<string, Allocation>();
  readonly #texts = new WeakMap<Stored, { status: unknown; text: string }>();

  constructor(files: StateFiles, nodeName: string) {
    this.#files = files;
    this.nodeName = nodeName;
  }

  /** Takes a sync's changes; the result names what changed. */
  apply(reset: boolean, changes: readonly NodeChange[]): Touched {
    const before = this.#objects;
    if (reset) this.#objects = new Map();
    const touched: Touched = { resources: new Set(), namespaces: new Set() };
    for (const c of changes) {
      const table = this.#table(c.resource);
      const key = `${c.namespace ?? ''}/${c.name}`;
      if (c.type === 'delete') table.delete(key);
      else if (c.object) {
        const old = before.get(c.resource)?.get(key) as { metadata?: { resourceVersion?: string } } | undefined;
        const fresh = { ...kinds[c.resource], ...c.object } as Stored;
        const same =
          old?.metadata?.resourceVersion !== undefined &&
          old.metadata.resourceVersion === (fresh as typeof old).metadata?.resourceVersion;
        // An object that is the same keeps its identity: nothing is done about it.
        table.set(key, same ? (old as Stored) : fresh);
        if (same) continue;
      }
      touched.resources.add(c.resource);
      if (c.resource === 'configmaps' || c.resource === 'secrets') touched.namespaces.add(c.namespace ?? '');
    }
    if (reset) for (const r of before.keys()) touched.resources.add(r);
    if (changes.some((c) => c.resource === 'pods')) this.#forgetUnreferenced();
    return touched;
  }

  #forgetUnreferenced(): void {
    if (referable.every((r) => this.#table(r).size === 0)) return;
    const needed = new Set(this.pods().flatMap((p) => [...referencesOf(p)]));
    for (const resource of referable) {
      const table = this.#table(resource);
      for (const key of table.keys()) if (!needed.has(`${resource}/${key}`)) table.delete(key);
    }
  }

  noteStatus(uid: string, status: PodStatus): void {
    this.#said.set(uid, status);
  }

  allocation(uid: string): Allocation | undefined {
    return this.#allocations.get(uid);
  }

  noteAllocation(uid: string, allocation: Allocation): void {
    this.#allocations.set(uid, allocation);
  }

  pods(): Pod[] {
    return [...this.#list<Pod>('pods')].filter((p) => p.spec?.nodeName === this.nodeName);
  }

  configMap(namespace: string, name: string): ConfigMap | undefined {
    return this.#objects.get('configmaps')?.get(`${namespace}/${name}`) as ConfigMap | undefined;
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.#objects.get('secrets')?.get(`${namespace}/${name}`) as Secret | undefined;
  }

  services(): readonly Service[] {
    return [...this.#list<Service>('services')];
  }

  node(): Node | undefined {
    return this.#objects.get('nodes')?.get(`/${this.nodeName}`) as Node | undefined;
  }

  network(): NetworkView {
    return {
      services: this.services(),
      slices: [...this.#list<EndpointSlice>('endpointslices.discovery.k8s.io')],
      nodes: [...this.#list<Node>('nodes')],
      pods: this.pods(),
    };
  }

  #table(resource: string): Map<string, Stored> {
    let table = this.#objects.get(resource);
    if (!table) {
      table = new Map();
      this.#objects.set(resource, table);
    }
    return table;
  }

  *#list<T>(resource: string): Iterable<T> {
    for (const o of this.#objects.get(resource)?.values() ?? []) yield o as T;
  }

  async load(): Promise<void> {
    const text = await this.#files.read('snapshot.json');
    if (text === undefined) return;
    let snapshot: Snapshot;
    try {
      snapshot = JSON.parse(text) as Snapshot;
    } catch {
      return;
    }
    for (const [uid, allocation] of Object.entries(snapshot.allocations ?? {})) this.#allocations.set(uid, allocation);
    // The cursor is not taken over: the first sync asks for everything, and what is no longer true goes then.
    for (const one of snapshot.objects) {
      const { resource } = one;
      const object = 'sealed' in one ? this.#unsealed(one.sealed) : one.object;
      if (!object) continue;
      const { metadata } = object as Stored;
      this.#table(resource).set(`${metadata?.namespace ?? ''}/${metadata?.name}`, object as Stored);
    }
  }

  /** Undefined: of before a reboot. */
  #unsealed(sealed: string): Stored | undefined {
    const text = this.#files.sealer?.open(sealed);
    return text === undefined ? undefined : (JSON.parse(text) as Stored);
  }

  /** One at a time; each writes what is true when its turn comes. */
  save(): Promise<void> {
    this.#saving = this.#saving.catch(() => {}).then(() => this.#saveNow());
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    const live = new Set(this.pods().map((p) => p.metadata.uid));
    for (const ofPods of [this.#said, this.#allocations])
      for (const uid of ofPods.keys()) if (!live.has(uid)) ofPods.delete(uid);
    const objects = [...this.#objects].flatMap(([resource, table]) =>
      [...table.values()].map((object) => this.#textOf(resource, object)),
    );
    const head: Omit<Snapshot, 'objects'> = { version: 1, epoch: this.epoch, revision: this.revision };
    if (this.#allocations.size > 0) head.allocations = Object.fromEntries(this.#allocations);
    const text = `${JSON.stringify(head).slice(0, -1)},"objects":[${objects.join(',')}]}`;
    await this.#files.write('snapshot.json', text);
  }

  /** An object's entry of the snapshot; made again only when it, or what was said of it, has changed. */
  #textOf(resource: string, object: Stored): string {
    const whole = this.#withStatus(resource, object);
    const known = this.#texts.get(object);
    if (known && known.status === whole.status) return known.text;
    const { sealer } = this.#files;
    const text =
      sealer && resource === 'secrets'
        ? JSON.stringify({ resource, sealed: sealer.seal(JSON.stringify(whole)) })
        : JSON.stringify({ resource, object: whole });
    this.#texts.set(object, { status: whole.status, text });
    return text;
  }

  /** Undefined: there is none, or none that can be read; the node joins again. */
  async identity(): Promise<Identity | undefined> {
    const text = await this.#files.read('identity.json');
    try {
      const identity = JSON.parse(text ?? 'null') as Partial<Identity> | null;
      return identity?.credential && identity.cluster ? (identity as Identity) : undefined;
    } catch {
      return undefined;
    }
  }

  async saveIdentity(identity: Identity): Promise<void> {
    await this.#files.write('identity.json', JSON.stringify(identity));
  }

  #withStatus(resource: string, object: Stored): Stored {
    const status = resource === 'pods' ? this.#said.get(object.metadata?.uid ?? '') : undefined;
    return status ? { ...object, status } : object;
  }
}

export interface Touched {
  resources: Set<string>;
  /** Namespaces whose config maps or secrets changed. */
  namespaces: Set<string>;
}
