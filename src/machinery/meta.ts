// The metadata that every object carries (meta/v1), and what "an object" is to code that knows no kind.

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: Record<string, unknown>;
  subresource?: string;
}

/** meta/v1 ObjectMeta of a stored object: the server has filled name, uid, resourceVersion and creationTimestamp. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  /** RFC 3339, whole seconds, UTC. */
  creationTimestamp: string;
  generation?: number;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFieldsEntry[];
  selfLink?: string;
}

/** Any stored object. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** An object on its way in: the server will fill what is missing from its metadata, spec and status. */
export type New<T extends KubeObject> = Omit<Partial<T>, 'metadata'> & { metadata: Partial<ObjectMeta> };

export interface LabelSelectorRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  observedGeneration?: number;
  lastTransitionTime: string;
  reason: string;
  message: string;
}

/** A resource type by name, carrying the type of its objects: `const pods: ResourceToken<Pod>`. */
export interface ResourceToken<T extends KubeObject = KubeObject> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never present; it only carries T. */
  readonly of?: T;
}

/** Upstream's GroupResource notation: `pods`, `deployments.apps`. Also the first segment of ledger keys. */
export function groupResource(token: { group: string; plural: string }): string {
  return token.group === '' ? token.plural : `${token.plural}.${token.group}`;
}

/** `v1`, `apps/v1`. */
export function apiVersion(token: { group: string; version: string }): string {
  return token.group === '' ? token.version : `${token.group}/${token.version}`;
}

/** Ledger key of an object: `pods/default/web`, `nodes/n1`. Byte order is the order of lists, as in upstream's etcd. */
export function objectKey(
  token: { group: string; plural: string },
  namespace: string | undefined,
  name: string,
): string {
  return namespace ? `${groupResource(token)}/${namespace}/${name}` : `${groupResource(token)}/${name}`;
}
