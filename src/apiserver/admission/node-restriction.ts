// The core of NodeRestriction: what the node authorizer lets a node touch, it may change only in its own ways. It makes and
// changes only its own Node and never labels or taints that decide what runs there; of its pods it writes the status and
// deletes them.
import type { Node, Pod } from '../../generated/schemas/core-v1.ts';
import { leases, nodes, pods } from '../../generated/schemas/index.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { forbiddenLabels } from '../nodes/writes.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  admit(request) {
    const { user, definition } = request;
    if (!user.groups.includes('system:nodes') || !user.name.startsWith('system:node:')) return;
    const node = user.name.slice('system:node:'.length);
    const resource = groupResource(definition);
    if (resource === groupResource(nodes)) checkNode(request, node);
    else if (resource === groupResource(pods)) checkPod(request, node);
    else if (resource === groupResource(leases) && request.name !== node)
      throw errors.forbidden(
        definition,
        request.name,
        'can only access node lease with the same name as the requesting node',
      );
  },
};

function checkNode(request: AdmissionRequest, own: string): void {
  const { operation, definition, name, object, old } = request;
  const refuse = (why: string) => errors.forbidden(definition, name, why);
  const said = JSON.stringify(own);
  if (name !== own) throw refuse(`node ${said} is not allowed to modify node ${JSON.stringify(name)}`);
  if (operation === 'DELETE') throw refuse(`node ${said} is not allowed to delete node ${said}`);
  if (!object) return;
  const node = object as Node;
  if (node.spec?.configSource && !deepEqual(node.spec.configSource, (old as Node | undefined)?.spec?.configSource))
    throw refuse(`node ${said} is not allowed to update configSource to a new non-nil configSource`);
  const before = (old as Node | undefined)?.metadata.labels ?? {};
  const after = node.metadata.labels ?? {};
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => before[key] !== after[key],
  );
  const wrong = forbiddenLabels(changed);
  if (wrong.length > 0)
    throw refuse(
      operation === 'CREATE'
        ? `node ${said} is not allowed to set the following labels: ${wrong.sort().join(', ')}`
        : `is not allowed to modify labels: ${wrong.sort().join(', ')}`,
    );
  if (operation === 'UPDATE' && !deepEqual(node.spec?.taints, (old as Node).spec?.taints))
    throw refuse(`node ${said} is not allowed to modify taints`);
  if (node.metadata.ownerReferences?.length && !deepEqual(node.metadata.ownerReferences, old?.metadata.ownerReferences))
    throw refuse(`node ${said} is not allowed to set ownerReferences`);
}

function checkPod({ operation, definition, name, subresource, object, old }: AdmissionRequest, own: string): void {
  const refuse = (why: string) => errors.forbidden(definition, name, why);
  const said = JSON.stringify(own);
  if (operation === 'CREATE' && subresource === '') throw refuse(`node ${said} can not create pods`);
  const pod = old as Pod | undefined;
  if (pod && pod.spec.nodeName !== own)
    throw refuse(
      `node ${said} can only ${operation === 'DELETE' ? 'delete pods' : 'update pod status for pods'} with spec.nodeName set to itself`,
    );
  if (operation !== 'UPDATE') return;
  if (subresource !== 'status') throw refuse(`unexpected operation ${JSON.stringify(operation)} of node ${said}`);
  if (!deepEqual(pod?.metadata.labels, object?.metadata.labels))
    throw refuse(`node ${said} cannot update labels through pod status`);
}
