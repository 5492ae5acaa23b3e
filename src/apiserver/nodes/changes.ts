// What a node is told, computed from the ledger alone: its own pods with what they refer to, and what routing needs
// (Services, EndpointSlices, other Nodes trimmed to addresses and pod ranges). Keeps no state of its own: a cursor
// (`since`) and the ledger's history say everything. An answer carries objects as they are now, not as they were.
//
// Worked example, node n1 at since=7. Revision 8 creates Secret s, 9 binds pod p (which mounts s) to n1, 10 changes
// Secret s, 11 changes Secret t that nobody mounts, 12 deletes p. Asked at 9: p and s. Asked from 9 at 11: s. Asked from
// 11 at 12: p deleted. What is no longer referred to is not announced; the agent drops it with the last pod that needed it.

import type { Node, Pod } from '../../generated/schemas/core-v1.ts';
import {
  configMaps,
  endpointSlices,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  services,
} from '../../generated/schemas/index.ts';
import type { Change, ReadView } from '../../ledger/types.ts';
import { groupResource, type KubeObject, type ResourceToken } from '../../machinery/meta.ts';
import type { NodeChange } from '../../protocol/node.ts';
import { decodeAs, entries, keyRange, splitKey } from './objects.ts';
import type { ReferenceIndex } from './reference-index.ts';
import { referencesOf } from './references.ts';

export interface NodeChanges {
  /** Everything up to this revision is in (or before) these changes. */
  revision: number;
  /** The changes are the complete state. */
  reset: boolean;
  changes: NodeChange[];
}

/** Changes read at once, and how many at most before the complete state is cheaper. */
const pageChangesMax = 1000;
const pageBytesMax = 4 * 1024 * 1024;
const windowChangesMax = 20_000;
/** UTF-16 units of values: all that is touched is held at once. */
const windowUnitsMax = 16_000_000;

const routed: readonly ResourceToken[] = [services, endpointSlices];
const referable: readonly ResourceToken[] = [secrets, configMaps, serviceAccounts];
const tokens = new Map<string, ResourceToken>([...routed, ...referable, pods, nodes].map((t) => [groupResource(t), t]));
const routedNames = new Set(routed.map(groupResource));
const referableNames = new Set(referable.map(groupResource));
const podPrefix = `${groupResource(pods)}/`;
const nodePrefix = `${groupResource(nodes)}/`;

/** Whether the stored pod is assigned to the node; `value` is a ledger value. */
export function podOnNode(value: string, node: string): boolean {
  // The text test settles nearly all; the parse tells spec.nodeName from the same words elsewhere.
  if (!value.includes(`"nodeName":${JSON.stringify(node)}`)) return false;
  return decodeAs(pods, value).spec?.nodeName === node;
}

/** Another node, as far as routing to it goes. */
export function trimNode(node: Node): KubeObject & Pick<Node, 'spec' | 'status'> {
  return {
    apiVersion: node.apiVersion,
    kind: node.kind,
    metadata: {
      name: node.metadata.name,
      uid: node.metadata.uid,
      resourceVersion: node.metadata.resourceVersion,
      creationTimestamp: node.metadata.creationTimestamp,
    },
    spec: {
      ...(node.spec?.podCIDR ? { podCIDR: node.spec.podCIDR } : {}),
      ...(node.spec?.podCIDRs ? { podCIDRs: node.spec.podCIDRs } : {}),
    },
    status: { ...(node.status?.addresses ? { addresses: node.status.addresses } : {}) },
  };
}

/** Equal for two states of a node between which no other node's routing differs. */
export function routingOf(value: string): string {
  const { spec, status } = trimNode(decodeAs(nodes, value));
  return JSON.stringify([spec, status]);
}

/** Where changes that concern one node are at hand (see RecentChanges); undefined: not that far back. */
export interface Recent {
  of(node: string, since: number): readonly Change[] | undefined;
}

/** The changes for `node` after `since`; 0 asks for everything. The caller has checked that `since` is of this ledger. */
export function nodeChanges(ledger: ReadView, node: string, since: number, recent?: Recent): NodeChanges {
  if (since === 0 || since < ledger.compactedRevision || since > ledger.revision) return complete(ledger, node);
  const known = recent?.of(node, since);
  const touched = known ? touchedBy(known) : touchedSince(ledger, since);
  return touched ? incremental(ledger, node, touched) : complete(ledger, node);
}

function complete(ledger: ReadView, node: string): NodeChanges {
  const changes: NodeChange[] = [];
  const referenced = new Set<string>();
  for (const entry of entries(ledger, keyRange(pods), `node=${node}`)) {
    const pod = decodeAs(pods, entry.value);
    changes.push(put(pods, pod));
    for (const key of referencesOf(pod)) referenced.add(key);
  }
  for (const key of referenced) if (ledger.get(key)) pushLive(ledger, node, key, changes);
  for (const token of [...routed, nodes])
    for (const entry of entries(ledger, keyRange(token))) changes.push(putEntry(node, entry.key, entry.value));
  return { revision: ledger.revision, reset: true, changes };
}

type Touched = Map<string, { first: Change; last: Change }>;

/** First and last change of each key that nodes are told of. */
function touchedBy(changes: readonly Change[], touched: Touched = new Map()): Touched {
  for (const change of changes) {
    if (!tokens.has(splitKey(change.key).resource)) continue;
    const known = touched.get(change.key);
    if (known) known.last = change;
    else touched.set(change.key, { first: change, last: change });
  }
  return touched;
}

/** Those in (since, now]; undefined when there are too many to be worth it. */
function touchedSince(ledger: ReadView, since: number): Touched | undefined {
  const touched: Touched = new Map();
  let after = since;
  let seen = 0;
  let units = 0;
  while (after < ledger.revision) {
    const page = ledger.changes({ after, limit: pageChangesMax, bytesMax: pageBytesMax });
    touchedBy(page.changes, touched);
    seen += page.changes.length;
    for (const { value } of page.changes) units += value.length;
    if (seen > windowChangesMax || units > windowUnitsMax) return undefined;
    if (page.through <= after) break;
    after = page.through;
  }
  return touched;
}

function incremental(ledger: ReadView, node: string, touched: Touched): NodeChanges {
  const changes: NodeChange[] = [];
  const referenced = new Set<string>();
  let ownReferences: Set<string> | undefined;
  for (const [key, { first, last }] of touched) {
    const { resource } = splitKey(key);
    const before = first.previous?.value;
    if (key.startsWith(podPrefix)) {
      if (last.type === 'put' && podOnNode(last.value, node)) {
        const pod = decodeAs(pods, last.value);
        changes.push(put(pods, pod));
        const known = before && podOnNode(before, node) ? referencesOf(decodeAs(pods, before)) : undefined;
        for (const reference of referencesOf(pod)) if (!known?.has(reference)) referenced.add(reference);
      } else if (wasOnNode(first, last, node)) {
        changes.push({ type: 'delete', ...splitKey(key) });
      }
    } else if (key.startsWith(nodePrefix)) {
      if (last.type === 'delete') changes.push({ type: 'delete', ...splitKey(key) });
      else if (splitKey(key).name === node || !before || routingOf(before) !== routingOf(last.value))
        changes.push(putEntry(node, key, last.value));
    } else if (routedNames.has(resource)) {
      if (last.type === 'delete') changes.push({ type: 'delete', ...splitKey(key) });
      else changes.push(putEntry(node, key, last.value));
    } else if (referableNames.has(resource)) {
      ownReferences ??= referencesOfNode(ledger, node);
      if (!ownReferences.has(key)) continue;
      if (last.type === 'delete') changes.push({ type: 'delete', ...splitKey(key) });
      else referenced.add(key);
    }
  }
  // Pods come last of all, after what they need, so that an agent that works through the list never waits.
  const needed: NodeChange[] = [];
  for (const key of referenced) pushLive(ledger, node, key, needed);
  return { revision: ledger.revision, reset: false, changes: [...needed, ...changes] };
}

/** Whether the node may know a pod under this key that is no longer there, or no longer its own. */
function wasOnNode(first: Change, last: Change, node: string): boolean {
  // Between `first` and `last` the name may have passed through several pods: the ends are what the node can know of,
  // and a pod that came and went entirely in between was never announced.
  if (first.previous && podOnNode(first.previous.value, node)) return true;
  return last.type === 'delete' && podOnNode(last.value, node);
}

function referencesOfNode(ledger: ReadView, node: string): Set<string> {
  const all = new Set<string>();
  for (const entry of entries(ledger, keyRange(pods), `node=${node}`))
    for (const key of referencesOf(decodeAs(pods, entry.value))) all.add(key);
  return all;
}

/** What is not there is said to be gone: the node may hold it from when an earlier pod referred to it. */
function pushLive(ledger: ReadView, node: string, key: string, into: NodeChange[]): void {
  const entry = ledger.get(key);
  into.push(entry ? putEntry(node, key, entry.value) : { type: 'delete', ...splitKey(key) });
}

function putEntry(node: string, key: string, value: string): NodeChange {
  const { resource, name } = splitKey(key);
  const token = tokens.get(resource);
  if (!token) throw new Error(`no node is told of ${key}`);
  const object = decodeAs(token, value);
  return put(token, token === nodes && name !== node ? trimNode(object as Node) : object);
}

/** Who owns which field is nothing to a node. */
function put(token: ResourceToken, object: KubeObject): NodeChange {
  const { managedFields: _, ...metadata } = object.metadata;
  const { namespace, name } = metadata;
  return {
    type: 'put',
    resource: groupResource(token),
    ...(namespace ? { namespace } : {}),
    name,
    object: { ...object, metadata },
  };
}

/** Which nodes a change concerns: `all`, or by name. `index` has been told of it. */
export function concernOf(
  ledger: ReadView,
  change: Change,
  index: ReferenceIndex,
): { all: boolean; names: Set<string> } {
  const names = new Set<string>();
  const { resource, name } = splitKey(change.key);
  if (change.key.startsWith(podPrefix)) {
    for (const value of [change.value, change.previous?.value]) {
      const assigned = value?.includes('"nodeName":') ? (decodeAs(pods, value) as Pod).spec?.nodeName : undefined;
      if (assigned) names.add(assigned);
    }
  } else if (change.key.startsWith(nodePrefix)) {
    names.add(name);
    const same =
      change.type === 'put' && change.previous && routingOf(change.previous.value) === routingOf(change.value);
    return { all: !same, names };
  } else if (routedNames.has(resource)) {
    return { all: true, names };
  } else if (referableNames.has(resource)) {
    return { all: false, names: index.nodesReferringTo(ledger, change.key) };
  }
  return { all: false, names };
}
