// Whom a commit concerns, by its keys and as little of its values as will do.

import { events, ipAddresses, leases, nodes, pods } from '../../generated/schemas/index.ts';
import type { Change } from '../../ledger/types.ts';
import { groupResource } from '../../machinery/meta.ts';

const resourceOf = (key: string): string => key.slice(0, key.indexOf('/'));
const unheeded = new Set([groupResource(events), groupResource(ipAddresses), groupResource(leases), 'tiffin.dev']);
const podName = groupResource(pods);
const nodeName = groupResource(nodes);

/** Controllers follow everything but Events, IPAddresses, Leases and what is not an object. */
export function concernsControllers(changes: readonly Change[]): boolean {
  return changes.some((change) => !unheeded.has(resourceOf(change.key)));
}

/** The scheduler: pods without a node, room that pods leave behind, nodes. */
export function concernsScheduler(changes: readonly Change[]): boolean {
  return changes.some((change) => {
    const resource = resourceOf(change.key);
    if (resource === nodeName) return true;
    if (resource !== podName) return false;
    if (change.type === 'delete') return true;
    const assigned = change.value.includes('"nodeName":"');
    return !assigned || /"phase":"(Succeeded|Failed)"/.test(change.value);
  });
}
