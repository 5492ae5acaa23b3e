// The compact tables of src/generated/schemas from the schema facts: definitions (types), protobuf (messages).
// Only what the served kinds reach is kept. The form is documented in src/machinery/schema/table.ts.

import type { SchemaTable, TableField, TableType } from '../../machinery/schema/table.ts';
import { addedKinds, apiType } from './added-types.ts';
import { plainTimes, plainValues, pointerScalars, writtenAtZero } from './go-facts.ts';
import { type Definition, type Definitions, refName } from './schema-types.ts';

const core = 'io.k8s.api.core.v1.';
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** What is served, spoken or accepted; all that these refer to comes along, and the list type of each where there is one. */
export const roots = [
  ...[
    'Binding',
    'ComponentStatus',
    'ConfigMap',
    'Endpoints',
    'Event',
    'LimitRange',
    'Namespace',
    'Node',
    'PersistentVolume',
    'PersistentVolumeClaim',
    'Pod',
    'PodTemplate',
    'ReplicationController',
    'ResourceQuota',
    'Secret',
    'Service',
    'ServiceAccount',
    'PodLogOptions',
    'PodExecOptions',
    'PodAttachOptions',
    'PodPortForwardOptions',
    'PodProxyOptions',
    'ServiceProxyOptions',
    'NodeProxyOptions',
  ].map((name) => core + name),
  'io.k8s.api.apidiscovery.v2.APIGroupDiscovery',
  ...['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'].map(
    (name) => `io.k8s.api.apps.v1.${name}`,
  ),
  'io.k8s.api.authentication.v1.SelfSubjectReview',
  'io.k8s.api.authentication.v1.TokenRequest',
  'io.k8s.api.authentication.v1.TokenReview',
  ...['LocalSubjectAccessReview', 'SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'].map(
    (name) => `io.k8s.api.authorization.v1.${name}`,
  ),
  'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
  'io.k8s.api.autoscaling.v1.Scale',
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  'io.k8s.api.batch.v1.CronJob',
  'io.k8s.api.batch.v1.Job',
  'io.k8s.api.certificates.v1.CertificateSigningRequest',
  'io.k8s.api.coordination.v1.Lease',
  'io.k8s.api.discovery.v1.EndpointSlice',
  'io.k8s.api.events.v1.Event',
  ...['FlowSchema', 'PriorityLevelConfiguration'].map((name) => `io.k8s.api.flowcontrol.v1.${name}`),
  ...['Ingress', 'IngressClass', 'IPAddress', 'NetworkPolicy', 'ServiceCIDR'].map(
    (name) => `io.k8s.api.networking.v1.${name}`,
  ),
  'io.k8s.api.node.v1.RuntimeClass',
  'io.k8s.api.policy.v1.Eviction',
  'io.k8s.api.policy.v1.PodDisruptionBudget',
  ...['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'].map((name) => `io.k8s.api.rbac.v1.${name}`),
  ...['DeviceClass', 'ResourceClaim', 'ResourceClaimTemplate', 'ResourceSlice'].map(
    (name) => `io.k8s.api.resource.v1.${name}`,
  ),
  'io.k8s.api.scheduling.v1.PriorityClass',
  ...['CSIDriver', 'CSINode', 'CSIStorageCapacity', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'].map(
    (name) => `io.k8s.api.storage.v1.${name}`,
  ),
  ...[
    'APIGroup',
    'APIGroupList',
    'APIResourceList',
    'APIVersions',
    'CreateOptions',
    'DeleteOptions',
    'GetOptions',
    'ListOptions',
    'PatchOptions',
    'Status',
    'Table',
    'UpdateOptions',
    'WatchEvent',
    'PartialObjectMetadata',
    'PartialObjectMetadataList',
  ].map((name) => meta + name),
  'io.k8s.apimachinery.pkg.version.Info',
  ...addedKinds,
];

const groups: Record<string, string> = {
  core: '',
  apps: 'apps',
  autoscaling: 'autoscaling',
  batch: 'batch',
  flowcontrol: 'flowcontrol.apiserver.k8s.io',
  policy: 'policy',
  rbac: 'rbac.authorization.k8s.io',
};

function gvkOf(name: string): [string, string, string] | undefined {
  const found = apiType(name);
  return found && [groups[found.group] ?? `${found.group}.k8s.io`, found.version, found.kind];
}

/** References to objects have a kind and a version too, but are no kinds. */
const isKind = (name: string): boolean => roots.includes(name) || roots.includes(name.replace(/List$/, ''));

const shortOf = (name: string): string => name.replace(/^io\.k8s\.(api|apimachinery\.pkg\.apis)\./, '');
const words = (facts: Record<string, string>, name: string): Set<string> =>
  new Set((facts[shortOf(name)] ?? '').split(' '));

function typeCode(d: Definition): string {
  if (d.$ref) return `#${refName(d.$ref)}`;
  switch (d.type) {
    case 'string':
      return d.format === 'byte' ? 'y' : 's';
    case 'integer':
      return d.format === 'int64' ? 'l' : 'i';
    case 'number':
      return 'n';
    case 'boolean':
      return 'b';
    case 'array':
      return `[${typeCode(d.items ?? {})}`;
    case 'object':
      return d.additionalProperties ? `{${typeCode(d.additionalProperties)}` : '*';
    default:
      return '*';
  }
}

function refsOf(d: Definition, into: Set<string>): void {
  if (d.$ref) into.add(refName(d.$ref));
  if (d.items) refsOf(d.items, into);
  if (d.additionalProperties) refsOf(d.additionalProperties, into);
  for (const property of Object.values(d.properties ?? {})) refsOf(property, into);
}

function tableType(name: string, d: Definition): TableType {
  const requiredNames = new Set(d.required ?? []);
  const pointers = words(pointerScalars, name);
  const plain = words(plainValues, name);
  const written = new Set([...words(writtenAtZero, name), ...words(plainTimes, name)]);
  const f: Record<string, TableField | string> = {};
  for (const [field, p] of Object.entries(d.properties ?? {})) {
    const out: TableField = { t: typeCode(p) };
    const scalar = /^[silnby]$/.test(out.t);
    if (requiredNames.has(field)) out.r = 1;
    const zero = p.default === '' || p.default === 0 || p.default === false;
    const struct = p.$ref !== undefined && p.default !== undefined && !/Time$/.test(p.$ref);
    if (struct || plain.has(field) || written.has(field) || (scalar && zero && out.r && !pointers.has(field)))
      out.z = 1;
    if (scalar && pointers.has(field)) out.p = 1;
    const enumeration = p.enum ?? p.items?.enum;
    if (enumeration) out.e = enumeration;
    if (p.default !== undefined && typeof p.default !== 'object' && !(zero && out.z)) out.d = p.default;
    if (p['x-kubernetes-list-type']) out.lt = p['x-kubernetes-list-type'] as string;
    if (p['x-kubernetes-list-map-keys']) out.lk = p['x-kubernetes-list-map-keys'] as string[];
    if (p['x-kubernetes-map-type']) out.mt = p['x-kubernetes-map-type'] as string;
    if (p['x-kubernetes-patch-strategy']) out.ps = p['x-kubernetes-patch-strategy'] as string;
    if (p['x-kubernetes-patch-merge-key']) out.pk = p['x-kubernetes-patch-merge-key'] as string;
    f[field] = Object.keys(out).length === 1 ? out.t : out;
  }
  const type: TableType = { f };
  const required = (d.required ?? []).filter((field) => f[field] !== undefined);
  if (required.join() !== [...required].sort().join()) type.q = required;
  if (d['x-kubernetes-map-type']) type.mt = d['x-kubernetes-map-type'] as string;
  if (d['x-kubernetes-unions']) type.u = d['x-kubernetes-unions'];
  if (isKind(name) && d.properties?.kind && d.properties.apiVersion && gvkOf(name))
    type.k = gvkOf(name) as [string, string, string];
  return type;
}

export function schemaTable(definitions: Definitions): SchemaTable {
  const pending = new Set<string>();
  for (const root of roots) {
    if (!definitions[root]) throw new Error(`no such definition: ${root}`);
    pending.add(root);
    if (definitions[`${root}List`]) pending.add(`${root}List`);
  }
  for (const name of pending) refsOf(definitions[name] as Definition, pending);
  const table: SchemaTable = {};
  for (const name of [...pending].sort()) {
    const d = definitions[name] as Definition;
    if (d.properties) table[name] = tableType(name, d);
  }
  return table;
}

type Messages = Record<string, Record<string, [string, string, string, string?]>>;

/** Messages by type name of the schema table (`io.k8s.…`): number → [JSON name, type, '' | 'repeated' | 'map', key type]. */
export function protobufTable(messages: Messages, table: SchemaTable): Messages {
  const protoName = (name: string): string => name.replace(/^io\.k8s\./, 'k8s.io.');
  const ownName = (name: string): string => name.replace(/^k8s\.io\./, 'io.k8s.');
  const pending = new Set(
    Object.keys(table)
      .map(protoName)
      .filter((name) => messages[name]),
  );
  pending.add('k8s.io.apimachinery.pkg.runtime.Unknown');
  for (const name of pending)
    for (const [, type] of Object.values(messages[name] ?? {})) if (messages[type]) pending.add(type);
  const out: Messages = {};
  for (const name of [...pending].sort()) {
    const fields: Messages[string] = {};
    for (const [number, [json, type, label, key]] of Object.entries(messages[name] ?? {}))
      fields[number] = key === undefined ? [json, ownName(type), label] : [json, ownName(type), label, key];
    out[ownName(name)] = fields;
  }
  return out;
}
