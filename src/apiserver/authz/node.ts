// What a node's credential may do (upstream's node authorizer): its own Node and Lease, its pods and what those refer to, and what
// every kubelet reads. What it does not allow it has no opinion of: a role may still allow it. Creates and updates whose object
// it cannot see are NodeRestriction's to limit (admission/node-restriction.ts).
import type { Ledger } from '../../ledger/types.ts';
import { goQuoted } from '../../machinery/errors.ts';
import type { Attributes, Authorizer, Decision } from './authorizer.ts';
import { nodeOf } from './node-identity.ts';
import { nodeRelations, type Relations } from './node-relations.ts';

const allowed: Decision = { allowed: true, reason: '' };
type Answer = Decision | undefined;
const no = (reason: string): Answer => ({ allowed: undefined, reason });

const complete = { incomplete: false, errors: [] };
const incomplete = { incomplete: true, errors: ['node authorizer does not support user rule resolution'] };

const reads: readonly string[] = ['get', 'list', 'watch'];
const keeps: readonly string[] = ['get', 'create', 'update', 'patch', 'delete'];

/** What all nodes may do alike: `resource/subresource.group` → verbs. Of the ClusterRole system:node, what {@link decide} leaves. */
const uniform: Readonly<Record<string, readonly string[]>> = {
  'tokenreviews.authentication.k8s.io': ['create'],
  'subjectaccessreviews.authorization.k8s.io': ['create'],
  'localsubjectaccessreviews.authorization.k8s.io': ['create'],
  services: reads,
  endpoints: ['get'],
  events: ['create', 'patch', 'update'],
  'events.events.k8s.io': ['create', 'patch', 'update'],
  'certificatesigningrequests.certificates.k8s.io': ['create', 'get', 'list', 'watch'],
  'csidrivers.storage.k8s.io': reads,
  'runtimeclasses.node.k8s.io': reads,
};

export function nodeAuthorizer(ledger: Ledger): Authorizer {
  const relations = nodeRelations(ledger);
  return {
    authorize(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined) return undefined;
      if (node === '') return no(`unknown node for user ${goQuoted(attributes.user.name)}`);
      return attributes.isResource ? decide(attributes, node, relations) : undefined;
    },
    rulesFor: (user) => ({ rules: [], ...(nodeOf(user) === undefined ? complete : incomplete) }),
  };
}

function decide(attributes: Attributes, node: string, relations: Relations): Answer {
  const { group, resource, subresource, verb } = attributes;
  const kind = group === '' ? resource : `${resource}.${group}`;
  const related = (): Answer => ifRelated(attributes, node, kind, relations);
  switch (kind) {
    case 'secrets':
    case 'configmaps':
      return read(attributes, related);
    case 'persistentvolumeclaims':
      if (subresource !== 'status') return get(attributes, related);
      return verb === 'update' || verb === 'patch' ? related() : no('can only get/update/patch this type');
    case 'persistentvolumes':
    case 'resourceclaims.resource.k8s.io':
    case 'volumeattachments.storage.k8s.io':
      return get(attributes, related);
    case 'serviceaccounts':
      return serviceAccount(attributes, related);
    case 'leases.coordination.k8s.io':
      return lease(attributes, node);
    case 'csinodes.storage.k8s.io':
      return csiNode(attributes, node);
    case 'resourceslices.resource.k8s.io':
      return resourceSlice(attributes, node, related);
    case 'nodes':
      return ownNode(attributes, node);
    case 'pods':
      return pod(attributes, node, related);
    default: {
      const whole = subresource === '' ? kind : `${resource}/${subresource}${group === '' ? '' : `.${group}`}`;
      return Object.hasOwn(uniform, whole) && uniform[whole]?.includes(verb) ? allowed : undefined;
    }
  }
}

function ifRelated({ namespace, name }: Attributes, node: string, kind: string, relations: Relations): Answer {
  if (name === '') return no('No Object name found');
  return relations.related(node, kind, namespace, name)
    ? allowed
    : no(`no relationship found between node '${node}' and this object`);
}

function get({ verb, subresource }: Attributes, related: () => Answer): Answer {
  if (verb !== 'get') return no('can only get individual resources of this type');
  return subresource === '' ? related() : no('cannot get subresource');
}

function read({ verb, subresource, namespace }: Attributes, related: () => Answer): Answer {
  if (!reads.includes(verb)) return no('can only read resources of this type');
  if (subresource !== '') return no('cannot read subresource');
  return namespace === '' ? no('can only read namespaced object of this type') : related();
}

function serviceAccount(attributes: Attributes, related: () => Answer): Answer {
  const { verb, subresource, name } = attributes;
  if (verb === 'get' && subresource === '') return read(attributes, related);
  if (verb !== 'create' || name === '') return no('can only create tokens for individual service accounts');
  return subresource === 'token' ? related() : no('can only create token subresource of serviceaccount');
}

function lease({ verb, namespace, name }: Attributes, node: string): Answer {
  if (!keeps.includes(verb)) return no('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace');
  // Under which name one is made, NodeRestriction sees.
  if (verb === 'create' || name === node) return allowed;
  return no('can only access node lease with the same name as the requesting node');
}

function csiNode({ verb, subresource, name }: Attributes, node: string): Answer {
  if (!keeps.includes(verb)) return no('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return no('cannot authorize CSINode subresources');
  if (verb === 'create' || name === node) return allowed;
  return no('can only access CSINode with the same name as the requesting node');
}

function resourceSlice(attributes: Attributes, node: string, related: () => Answer): Answer {
  if (attributes.subresource !== '') return no('cannot authorize ResourceSlice subresources');
  switch (attributes.verb) {
    case 'create':
      return allowed;
    case 'get':
    case 'update':
    case 'patch':
    case 'delete':
      return related();
    case 'list':
    case 'watch':
    case 'deletecollection':
      return selectsOwn(attributes, node)
        ? allowed
        : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
    default:
      return no(
        'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
      );
  }
}

function ownNode({ verb, subresource, name }: Attributes, node: string): Answer {
  if (verb === 'update' || verb === 'patch')
    return subresource === '' || subresource === 'status' ? allowed : undefined;
  if (subresource !== '') return undefined;
  if (verb === 'create') return allowed;
  if (!reads.includes(verb)) return undefined;
  // By name alone, so that a node may look for its Node before there is one.
  if (name === node) return allowed;
  return name === ''
    ? no(`node '${node}' cannot read all nodes, only its own Node object`)
    : no(`node '${node}' cannot read '${name}', only its own Node object`);
}

function pod(attributes: Attributes, node: string, related: () => Answer): Answer {
  const { verb, subresource, name } = attributes;
  switch (subresource) {
    case '':
      if (verb === 'create' || verb === 'delete') return allowed;
      if (verb === 'get') return related();
      if (verb !== 'list' && verb !== 'watch') return undefined;
      if (selectsOwn(attributes, node)) return allowed;
      return name === '' ? no('can only list/watch pods with spec.nodeName field selector') : related();
    case 'status':
      return verb === 'update' || verb === 'patch' ? allowed : undefined;
    case 'eviction':
      return verb === 'create' ? allowed : undefined;
    default:
      return undefined;
  }
}

/** Whether nothing is asked for but what is of this node. */
function selectsOwn({ fieldSelector }: Attributes, node: string): boolean {
  return (
    fieldSelector?.requirements.some(
      ({ field, operator, value }) => field === 'spec.nodeName' && operator === '=' && value === node,
    ) ?? false
  );
}
