// Which nodes run pods that refer to a Secret, ConfigMap or ServiceAccount, in memory: without it every write of one would
// read all pods of its namespace. A namespace is read once, when first asked about, and kept up to date by the changes
// that follow. Bounded; whoever is let go is read again.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { pods } from '../../generated/schemas/index.ts';
import type { Change, ReadView } from '../../ledger/types.ts';
import { groupResource } from '../../machinery/meta.ts';
import { decodeAs, entries, keyRange, splitKey } from './objects.ts';
import { referencesOf } from './references.ts';

/** References kept over all namespaces. */
const referencesMax = 200_000;
const podPrefix = `${groupResource(pods)}/`;

/** A pod's node, and the keys that it refers to. */
interface Referrer {
  node: string;
  keys: readonly string[];
}

class Referrers {
  readonly #byPod = new Map<string, Referrer>();
  /** Referred key → pod key → node. */
  readonly #byKey = new Map<string, Map<string, string>>();
  size = 0;

  set(podKey: string, referrer: Referrer | undefined): void {
    const before = this.#byPod.get(podKey);
    for (const key of before?.keys ?? []) {
      const referring = this.#byKey.get(key);
      if (referring?.delete(podKey) && referring.size === 0) this.#byKey.delete(key);
    }
    this.size += (referrer?.keys.length ?? 0) - (before?.keys.length ?? 0);
    this.#byPod.delete(podKey);
    if (!referrer) return;
    this.#byPod.set(podKey, referrer);
    for (const key of referrer.keys) {
      const referring = this.#byKey.get(key) ?? new Map<string, string>();
      this.#byKey.set(key, referring.set(podKey, referrer.node));
    }
  }

  nodesOf(key: string): Iterable<string> {
    return this.#byKey.get(key)?.values() ?? [];
  }
}

export class ReferenceIndex {
  readonly #namespaces = new Map<string, Referrers>();
  readonly #max: number;

  constructor(max = referencesMax) {
    this.#max = max;
  }

  /** To be told of every change, in order. */
  observe({ type, key, value }: Change): void {
    if (!key.startsWith(podPrefix)) return;
    const known = this.#namespaces.get(splitKey(key).namespace ?? '');
    known?.set(key, type === 'put' ? referrerOf(value) : undefined);
  }

  /** The nodes whose pods refer to the object with this ledger key. */
  nodesReferringTo(ledger: ReadView, key: string): Set<string> {
    const { namespace = '' } = splitKey(key);
    let referrers = this.#namespaces.get(namespace);
    if (!referrers) {
      referrers = new Referrers();
      for (const entry of entries(ledger, keyRange(pods, namespace))) referrers.set(entry.key, referrerOf(entry.value));
      this.#makeRoom(referrers.size);
      this.#namespaces.set(namespace, referrers);
    }
    return new Set(referrers.nodesOf(key));
  }

  #makeRoom(size: number): void {
    let total = size;
    for (const { size } of this.#namespaces.values()) total += size;
    // A namespace costs something even without pods.
    if (total > this.#max || this.#namespaces.size * 100 > this.#max) this.#namespaces.clear();
  }
}

function referrerOf(value: string): Referrer | undefined {
  if (!value.includes('"nodeName":')) return undefined;
  const pod = decodeAs(pods, value) as Pod;
  const node = pod.spec?.nodeName;
  return node ? { node, keys: [...referencesOf(pod)] } : undefined;
}
