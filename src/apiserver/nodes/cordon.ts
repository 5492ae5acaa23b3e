// Cordoning: nothing new is scheduled onto the node, what runs there stays.
import type { Node } from '../../generated/schemas/core-v1.ts';
import { nodes } from '../../generated/schemas/index.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { Client } from '../../reconcile/types.ts';

const attemptsMax = 5;

/** False: there is no such Node. */
export async function cordon(client: Client, name: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const node: Node | undefined = await client.get(nodes, undefined, name);
    if (!node) return false;
    if (node.spec?.unschedulable) return true;
    const object: Node = { ...node, spec: { ...node.spec, unschedulable: true } };
    const [outcome] = await client.write([{ verb: 'update', resource: nodes, object }]);
    if (outcome?.ok) return true;
    if (outcome?.status.reason === 'NotFound') return false;
    if (outcome?.status.reason !== 'Conflict' || attempt === attemptsMax)
      throw new ApiError('InternalError', `node ${name} is not cordoned: ${outcome?.status.message}`);
  }
}
