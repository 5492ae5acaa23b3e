// Work of the garbage collector is keyed by owner, whether it exists or not: `apiVersion|kind|namespace|name|uid`. All
// dependents of one owner are one piece of work.
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import { apiVersion } from '../../machinery/meta.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { ObjectChange } from '../../reconcile/types.ts';
import { tokenOfKind } from '../lib/tokens.ts';
import { isDeleting } from './plan.ts';

export interface OwnerKey {
  apiVersion: string;
  kind: string;
  /** '' for cluster-scoped owners. */
  namespace: string;
  name: string;
  uid: string;
}

export function formatKey({ apiVersion, kind, namespace, name, uid }: OwnerKey): string {
  return [apiVersion, kind, namespace, name, uid].join('|');
}

export function parseKey(key: string): OwnerKey {
  const [apiVersion = '', kind = '', namespace = '', name = '', uid = ''] = key.split('|');
  return { apiVersion, kind, namespace, name, uid };
}

export function keyOfOwner(token: ResourceToken, { metadata }: KubeObject): string {
  const { namespace, name, uid } = metadata;
  return formatKey({ apiVersion: apiVersion(token), kind: token.kind, namespace: namespace ?? '', name, uid });
}

/** The owners that an object names, in the place where they must be: its own namespace, or none for cluster-scoped kinds. */
export function keysOfOwners(object: KubeObject): string[] {
  return (object.metadata.ownerReferences ?? []).map(({ apiVersion, kind, name, uid }) => {
    const namespaced = tokenOfKind(apiVersion, kind)?.namespaced ?? true;
    return formatKey({ apiVersion, kind, namespace: namespaced ? (object.metadata.namespace ?? '') : '', name, uid });
  });
}

/**
 * An object that goes, or is going with dependents to see to, is looked at as an owner. One that appears, changes its
 * owners, starts to go or goes is a reason to look at its owners.
 */
export function keysOfChange({ type, resource, object, previous }: ObjectChange): string[] {
  const keys: string[] = [];
  if (type === 'delete' || (isDeleting(object) && (object.metadata.finalizers ?? []).length > 0))
    keys.push(keyOfOwner(resource, object));
  const ownersChanged = !equalJson(object.metadata.ownerReferences ?? [], previous?.metadata.ownerReferences ?? []);
  if (type === 'delete' || previous === undefined || ownersChanged) keys.push(...keysOfOwners(object));
  return keys;
}
