// Whether a commit concerns the scheduler, by its keys and as little of its values as will do.

import { nodes, pods } from '../../generated/schemas/index.ts';
import type { Change } from '../../ledger/types.ts';
import { groupResource } from '../../machinery/meta.ts';

const resourceOf = (key: string): string => key.slice(0, key.indexOf('/'));
const podName = groupResource(pods);
const nodeName = groupResource(nodes);

/** Pods without a node, room that pods leave behind, nodes. */
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
