// NodeRestriction: what a node may touch, it may change only in its own ways. Of Nodes and Leases its own; of its pods the status
// and the deletion, and mirror pods that refer to nothing; never a label, taint or owner that would let it choose what runs there or
// have it deleted by others. Whether it may touch an object at all is the node authorizer's to say (authz/node.ts).
import type { CertificateSigningRequest } from '../../generated/schemas/certificates-v1.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../generated/schemas/core-v1.ts';
import {
  certificateSigningRequests,
  csiNodes,
  leases,
  nodes,
  persistentVolumeClaims,
  pods,
  resourceSlices,
} from '../../generated/schemas/index.ts';
import type { ResourceSlice } from '../../generated/schemas/resource-v1.ts';
import { errors, goQuoted } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { nodeOf, nodeUser } from '../authz/node-identity.ts';
import { changedLabels, forbiddenLabels } from '../nodes/labels.ts';
import { mirrorAnnotation } from '../nodes/references.ts';
import { commonName, subjectOf } from './certificate-subject-restriction.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';
import { apiReference } from './pod-references.ts';

/** Why the request is refused; throws where it is refused for something else than what the node may do. */
type Check = (request: AdmissionRequest, own: string) => string | undefined;

const checks = new Map<string, Check>([
  [groupResource(pods), checkPod],
  [groupResource(nodes), checkNode],
  [groupResource(persistentVolumeClaims), checkClaim],
  [groupResource(leases), checkLease],
  [groupResource(csiNodes), checkCsiNode],
  [groupResource(resourceSlices), checkSlice],
  [groupResource(certificateSigningRequests), checkCertificate],
]);

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  admit(request) {
    const own = nodeOf(request.user);
    if (own === undefined) return;
    const { definition, name, user } = request;
    const refused =
      own === ''
        ? `could not determine node from user ${goQuoted(user.name)}`
        : checks.get(groupResource(definition))?.(request, own);
    if (refused !== undefined) throw errors.forbidden(definition, name, refused);
  },
};

function checkPod(request: AdmissionRequest, own: string): string | undefined {
  const { subresource, operation, old } = request;
  const said = goQuoted(own);
  const bound = (old as Pod | undefined)?.spec.nodeName === own;
  switch (subresource) {
    case '':
      if (operation === 'CREATE') return checkMirror(request, own);
      if (operation === 'DELETE')
        return bound ? undefined : `node ${said} can only delete pods with spec.nodeName set to itself`;
      return `unexpected operation ${goQuoted(operation)}, node ${said} can only create and delete mirror pods`;
    case 'status':
      if (operation !== 'UPDATE') return `unexpected operation ${goQuoted(operation)}`;
      return bound
        ? checkPodStatus(request, own)
        : `node ${said} can only update pod status for pods with spec.nodeName set to itself`;
    case 'eviction':
      if (operation !== 'CREATE') return `unexpected operation ${operation}`;
      return bound ? undefined : `node ${own} can only evict pods with spec.nodeName set to itself`;
    default:
      return `unexpected pod subresource ${goQuoted(subresource)}, only 'status' and 'eviction' are allowed`;
  }
}

/** A pod that the node makes of itself: it must not bring the node any access, nor outlive it. */
function checkMirror({ object, context }: AdmissionRequest, own: string): string | undefined {
  const pod = object as Pod;
  const { annotations, ownerReferences = [] } = pod.metadata;
  const said = goQuoted(own);
  if (annotations?.[mirrorAnnotation] === undefined)
    return `pod does not have ${goQuoted(mirrorAnnotation)} annotation, node ${said} can only create mirror pods`;
  if (pod.spec.nodeName !== own) return `node ${said} can only create pods with spec.nodeName set to itself`;
  if (ownerReferences.length > 1)
    return `node ${said} can only create pods with a single owner reference set to itself`;
  const [owner] = ownerReferences;
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== own)
    return `node ${said} can only create pods with an owner reference set to itself`;
  if (!owner.controller) return `node ${said} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion) return `node ${said} must not set blockOwnerDeletion on an owner reference`;
  const node = context.get(nodes, undefined, own);
  if (!node) throw errors.notFound(nodes, own);
  if (owner.uid !== node.metadata.uid)
    return `node ${own} UID mismatch: expected ${owner.uid} got ${node.metadata.uid}`;
  const reference = apiReference(pod);
  return reference && `node ${said} can not create pods that reference ${reference}`;
}

function checkPodStatus({ object, old }: AdmissionRequest, own: string): string | undefined {
  const [before, after] = [old as Pod, object as Pod];
  const said = goQuoted(own);
  if (!deepEqual(before.metadata.labels, after.metadata.labels))
    return `node ${said} cannot update labels through pod status`;
  const claims = ({ status }: Pod) =>
    (status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName ?? null]);
  // Through these a node would come to read claims that are not its pods'.
  if (!deepEqual(claims(before), claims(after))) return `node ${said} cannot update resource claim statues`;
  return deepEqual(before.status?.extendedResourceClaimStatus, after.status?.extendedResourceClaimStatus)
    ? undefined
    : `node ${said} cannot update extended resource claim status`;
}

function checkNode({ operation, name, object, old }: AdmissionRequest, own: string): string | undefined {
  const said = goQuoted(own);
  if (name !== own) return `node ${said} is not allowed to modify node ${goQuoted(name)}`;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return undefined;
  const [before, after] = [old as Node | undefined, object as Node];
  const { labels, ownerReferences } = after.metadata;
  const { configSource, taints } = after.spec ?? {};
  const wrong = forbiddenLabels(changedLabels(before?.metadata.labels, labels));
  if (!before) {
    if (configSource) return `node ${said} is not allowed to create pods with a non-nil configSource`;
    // Beyond upstream: an owner that does not exist would have the Node collected at once.
    if (ownerReferences?.length) return `node ${said} is not allowed to set ownerReferences`;
    return wrong.length === 0
      ? undefined
      : `node ${said} is not allowed to set the following labels: ${wrong.join(', ')}`;
  }
  if (configSource && !deepEqual(configSource, before.spec?.configSource))
    return `node ${said} is not allowed to update configSource to a new non-nil configSource`;
  if (!deepEqual(taints, before.spec?.taints)) return `node ${said} is not allowed to modify taints`;
  if (!deepEqual(ownerReferences, before.metadata.ownerReferences))
    return `node ${said} is not allowed to modify ownerReferences`;
  return wrong.length === 0 ? undefined : `is not allowed to modify labels: ${wrong.join(', ')}`;
}

/** Of a claim's status, what a node finds out when it resizes a file system. */
const resized = ['capacity', 'conditions', 'allocatedResources', 'allocatedResourceStatuses'] as const;

function checkClaim({ operation, subresource, object, old }: AdmissionRequest, own: string): string | undefined {
  if (subresource !== 'status') return 'may only update PVC status';
  if (operation !== 'UPDATE') return `unexpected operation ${goQuoted(operation)}`;
  const rest = (claim: PersistentVolumeClaim) => {
    const { resourceVersion: _version, managedFields: _fields, ...metadata } = claim.metadata;
    const status = { ...claim.status };
    for (const field of resized) delete status[field];
    return { ...claim, metadata, status };
  };
  return deepEqual(rest(old as PersistentVolumeClaim), rest(object as PersistentVolumeClaim))
    ? undefined
    : `node ${goQuoted(own)} is not allowed to update fields other than status.quantity and status.conditions`;
}

function checkLease({ namespace, name }: AdmissionRequest, own: string): string | undefined {
  if (namespace !== 'kube-node-lease') return 'can only access leases in the "kube-node-lease" system namespace';
  return name === own ? undefined : 'can only access node lease with the same name as the requesting node';
}

function checkCsiNode({ name }: AdmissionRequest, own: string): string | undefined {
  return name === own ? undefined : 'can only access CSINode with the same name as the requesting node';
}

function checkSlice({ operation, object, old }: AdmissionRequest, own: string): string | undefined {
  const of = (slice: unknown) => (slice as ResourceSlice | undefined)?.spec?.nodeName === own;
  if (operation === 'CREATE' && !of(object))
    return 'can only create ResourceSlice with the same NodeName as the requesting node';
  if (operation === 'DELETE' && !of(old))
    return 'can only delete ResourceSlice with the same NodeName as the requesting node';
  return undefined;
}

/** Those of nodes: whoever has one of these of another node is that node. */
const nodeSigners: readonly string[] = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

function checkCertificate({ operation, object }: AdmissionRequest, own: string): string | undefined {
  if (operation !== 'CREATE') return undefined;
  const { spec } = object as CertificateSigningRequest;
  if (!nodeSigners.includes(spec?.signerName)) return undefined;
  return subjectOf(spec.request ?? '', commonName).at(-1) === nodeUser(own)
    ? undefined
    : `can only create a node CSR with CN=${nodeUser(own)}`;
}
