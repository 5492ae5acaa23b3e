// When SIGTERM may go to a terminating pod: once no EndpointSlice names it ready any more as of some revision R, and every
// Ready node has acknowledged a service map of revision ≥ R. Kept in memory only; after a restart it is rebuilt from the
// ledger and from what the links report. It may be late (the agent waits 2 s at most), never early.
//
// Worked example: pod p is marked for deletion at revision 20. The slice s still says ready → R unknown. At 23 s says
// ready=false → R = 23. Nodes acknowledge 22, 23 → not yet; 23, 24 → drained.

import type { Pod } from '../../generated/schemas/core-v1.ts';
import { endpointSlices, nodes, pods } from '../../generated/schemas/index.ts';
import type { Change, ReadView } from '../../ledger/types.ts';
import { decodeAs, entries, keyRange } from './objects.ts';

const podPrefix = keyRange(pods).start;

/**
 * The revision that service maps must have reached for no connection to go to the pod any more; undefined while a slice
 * names it ready. 0: no slice of its namespace has ever mattered.
 */
export function drainRevision(ledger: ReadView, pod: Pod): number | undefined {
  const uid = JSON.stringify(pod.metadata.uid);
  let revision = 0;
  let named = 0;
  for (const entry of entries(ledger, keyRange(endpointSlices, pod.metadata.namespace))) {
    revision = Math.max(revision, entry.revision);
    if (!entry.value.includes(uid)) continue;
    for (const endpoint of decodeAs(endpointSlices, entry.value).endpoints ?? []) {
      if (endpoint.targetRef?.uid !== pod.metadata.uid) continue;
      if (endpoint.conditions?.ready !== false) return undefined;
      named = Math.max(named, entry.revision);
    }
  }
  // Named as not ready: those slices' revisions count. Not named at all: taken out of some slice, at the latest by the
  // newest change of any in the namespace.
  return named || revision;
}

/** Uids of the node's terminating pods that are drained, given each node's acknowledged revision. */
export class DrainTracker {
  readonly #acknowledged = new Map<string, number>();
  /** Terminating pods that wait for acknowledgements: uid → node and revision. */
  readonly #waiting = new Map<string, { node: string; revision: number }>();

  /** Nodes without a terminating pod, so that asking for theirs costs nothing. */
  readonly #quiet = new Set<string>();

  /** To be told of every commit. */
  observe(changes: readonly Change[]): void {
    for (const change of changes) {
      if (!change.key.startsWith(podPrefix) || !change.value.includes('"deletionTimestamp":')) continue;
      const node = decodeAs(pods, change.value).spec?.nodeName;
      if (node) this.#quiet.delete(node);
    }
  }

  /** Notes what a node's packet filter follows; returns the nodes one of whose pods may be drained by it. */
  acknowledge(node: string, serviceRevision: number): string[] {
    const before = this.#acknowledged.get(node) ?? -1;
    if (serviceRevision === before) return [];
    this.#acknowledged.set(node, serviceRevision);
    const owners = new Set<string>();
    for (const { node: owner, revision } of this.#waiting.values())
      if (before < revision && revision <= serviceRevision) owners.add(owner);
    return [...owners];
  }

  drained(ledger: ReadView, node: string): string[] {
    const result: string[] = [];
    if (this.#quiet.has(node)) return result;
    const terminating = new Set<string>();
    let slowest: number | undefined;
    for (const entry of entries(ledger, keyRange(pods), `node=${node}`)) {
      if (!entry.value.includes('"deletionTimestamp":')) continue;
      const pod = decodeAs(pods, entry.value);
      if (!pod.metadata.deletionTimestamp) continue;
      terminating.add(pod.metadata.uid);
      const now = drainRevision(ledger, pod);
      if (now === undefined) continue;
      // The first revision that was enough stays enough: later changes of the slice are about other pods.
      const revision = Math.min(now, this.#waiting.get(pod.metadata.uid)?.revision ?? now);
      slowest ??= this.#slowest(ledger);
      if (slowest >= revision) {
        result.push(pod.metadata.uid);
        this.#waiting.delete(pod.metadata.uid);
      } else {
        this.#waiting.set(pod.metadata.uid, { node, revision });
      }
    }
    if (terminating.size === 0) this.#quiet.add(node);
    for (const [uid, { node: owner }] of this.#waiting)
      if (owner === node && !terminating.has(uid)) this.#waiting.delete(uid);
    return result;
  }

  /** The least revision that a Ready node has acknowledged; infinite without Ready nodes. */
  #slowest(ledger: ReadView): number {
    let least = Number.POSITIVE_INFINITY;
    for (const entry of entries(ledger, keyRange(nodes))) {
      const node = decodeAs(nodes, entry.value);
      const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
      if (ready) least = Math.min(least, this.#acknowledged.get(node.metadata.name) ?? 0);
    }
    return least;
  }
}
