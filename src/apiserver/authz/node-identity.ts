// Which node a user is: in the group system:nodes, with a name of system:node:NAME. A name alone is no identity.
import type { User } from '../core.ts';

export const nodesGroup = 'system:nodes';
const prefix = 'system:node:';

/** '' of a user who is a node, but which one cannot be told; undefined: not a node. */
export function nodeOf({ name, groups }: User): string | undefined {
  return name.startsWith(prefix) && groups.includes(nodesGroup) ? name.slice(prefix.length) : undefined;
}

export const nodeUser = (node: string): string => prefix + node;
