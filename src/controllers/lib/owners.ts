// Controller references: which object manages which, by uid.
import type { KubeObject, ObjectMeta, OwnerReference, ResourceToken } from '../../machinery/meta.ts';

export function controllerOf(object: { metadata: Partial<ObjectMeta> }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The reference that makes `owner` the managing controller of an object. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The controlling owner's key when it is of the token's kind, whatever the version of its group. */
export function controllerKey(token: ResourceToken, object: KubeObject): string | undefined {
  const reference = controllerOf(object);
  if (reference?.kind !== token.kind || groupOf(reference.apiVersion) !== token.group) return undefined;
  return `${object.metadata.namespace ?? ''}/${reference.name}`;
}

export function groupOf(version: string): string {
  const slash = version.indexOf('/');
  return slash < 0 ? '' : version.slice(0, slash);
}
