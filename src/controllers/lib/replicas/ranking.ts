// The order in which pods go when there are too many: upstream's ActivePodsWithRanks. Pure.
// Ages are compared by powers of two, so that among pods of about the same age none is always the victim.
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { parseTime } from '../../../machinery/time.ts';
import { readySince } from '../pods.ts';

const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

interface Ranked {
  pod: Pod;
  /** Comparable from first to last; the smaller goes first. */
  rank: readonly number[];
}

export function rankForDeletion(pods: readonly Pod[], podsOfSiblings: readonly Pod[], nowMs: number): Pod[] {
  const onNode = new Map<string, number>();
  const counted = new Set<string>();
  for (const pod of [...podsOfSiblings, ...pods]) {
    if (counted.has(pod.metadata.uid)) continue;
    counted.add(pod.metadata.uid);
    const node = pod.spec.nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const ranked: Ranked[] = pods.map((pod) => ({ pod, rank: rankOf(pod, onNode, nowMs) }));
  ranked.sort((a, b) => compareRanks(a.rank, b.rank) || (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1));
  return ranked.map(({ pod }) => pod);
}

function rankOf(pod: Pod, onNode: ReadonlyMap<string, number>, nowMs: number): number[] {
  const node = pod.spec.nodeName ?? '';
  const since = readySince(pod);
  return [
    node === '' ? 0 : 1,
    phaseOrder[pod.status?.phase ?? ''] ?? 0,
    since === undefined ? 0 : 1,
    deletionCost(pod),
    -(onNode.get(node) ?? 0),
    since === undefined ? 0 : ageBucket(since, nowMs),
    -maxRestarts(pod),
    ageBucket(parseTime(pod.metadata.creationTimestamp), nowMs),
  ];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[costAnnotation];
  if (text === undefined || !/^-?(0|[1-9][0-9]*)$/.test(text)) return 0;
  const cost = Number(text);
  return Math.abs(cost) <= 2 ** 31 ? cost : 0;
}

function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}

/** Younger pods have smaller buckets and go first. */
function ageBucket(since: number | undefined, nowMs: number): number {
  if (since === undefined) return -1;
  const ageSeconds = Math.floor((nowMs - since) / 1000);
  return ageSeconds <= 0 ? 0 : Math.floor(Math.log2(ageSeconds)) + 1;
}
