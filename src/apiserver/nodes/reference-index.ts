// Which nodes run pods that refer to a Secret, ConfigMap, ServiceAccount or claim, in memory: without it every write of one, and
// every question whether a node may read one, would read all pods of its namespace. A namespace is read once, when first asked
// about, and kept up to date by the changes that follow, in the turn of their commit. Bounded; whoever is let go is read again.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { pods } from '../../generated/schemas/index.ts';
import type { Change, Ledger, ReadView } from '../../ledger/types.ts';
import { groupResource } from '../../machinery/meta.ts';
import { decodeAs, entries, keyRange, splitKey } from './objects.ts';
import { relatedTo } from './references.ts';

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
  /** Referred key → node → how many of its pods refer to it. */
  readonly #byKey = new Map<string, Map<string, number>>();
  size = 0;

  set(podKey: string, referrer: Referrer | undefined): void {
    const before = this.#byPod.get(podKey);
    if (before) for (const key of before.keys) this.#count(key, before.node, -1);
    this.size += (referrer?.keys.length ?? 0) - (before?.keys.length ?? 0);
    this.#byPod.delete(podKey);
    if (!referrer) return;
    this.#byPod.set(podKey, referrer);
    for (const key of referrer.keys) this.#count(key, referrer.node, 1);
  }

  #count(key: string, node: string, by: number): void {
    const nodes = this.#byKey.get(key) ?? new Map<string, number>();
    const count = (nodes.get(node) ?? 0) + by;
    if (count > 0) this.#byKey.set(key, nodes.set(node, count));
    else if (nodes.delete(node) && nodes.size === 0) this.#byKey.delete(key);
  }

  nodesOf(key: string): ReadonlyMap<string, number> | undefined {
    return this.#byKey.get(key);
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
    return new Set(this.#of(ledger, key).nodesOf(key)?.keys());
  }

  /** Whether a pod of the node refers to the object with this ledger key. */
  refers(ledger: ReadView, node: string, key: string): boolean {
    return this.#of(ledger, key).nodesOf(key)?.has(node) ?? false;
  }

  /** Of the namespace of a key. */
  #of(ledger: ReadView, key: string): Referrers {
    const { namespace = '' } = splitKey(key);
    const known = this.#namespaces.get(namespace);
    if (known) return known;
    const referrers = new Referrers();
    for (const entry of entries(ledger, keyRange(pods, namespace))) referrers.set(entry.key, referrerOf(entry.value));
    this.#makeRoom(referrers.size);
    this.#namespaces.set(namespace, referrers);
    return referrers;
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
  return node ? { node, keys: [...relatedTo(pod)] } : undefined;
}

const ofLedgers = new WeakMap<Ledger, ReferenceIndex>();

/** The index that follows this ledger, made at the first call. */
export function referencesIn(ledger: Ledger): ReferenceIndex {
  const known = ofLedgers.get(ledger);
  if (known) return known;
  const index = new ReferenceIndex();
  ledger.subscribe((changes) => {
    for (const change of changes) index.observe(change);
  });
  ofLedgers.set(ledger, index);
  return index;
}
