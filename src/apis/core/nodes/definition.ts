// core/v1 Node.

import type { Node, NodeAddress, NodeConfigSource } from '../../../generated/schemas/core-v1.ts';
import { nodes } from '../../../generated/schemas/index.ts';
import { cidrMessages, isDualStack, parseCidr } from '../../../machinery/cidr.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import { type Column, defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { proxySubresource, statusSubresource } from '../../subresources.ts';
import { validateQuantity } from '../podspec/resources.ts';
import { validateTaints } from '../podspec/scheduling.ts';

const rolePrefix = 'node-role.kubernetes.io/';

function roles(node: Node): string {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) found.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value !== '') found.add(value);
  }
  return [...found].sort().join(',') || '<none>';
}

function status(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (node.spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

const address = (node: Node, type: NodeAddress['type']): string =>
  node.status?.addresses?.find((one) => one.type === type)?.address ?? '<none>';
const known = (text: string | undefined): string => text || '<unknown>';

const columns: Column<Node>[] = [
  nameColumn,
  { name: 'Status', type: 'string', description: 'The status of the node', cell: status },
  { name: 'Roles', type: 'string', description: 'The roles of the node', cell: roles },
  ageColumn,
  {
    name: 'Version',
    type: 'string',
    doc: 'core.v1.NodeSystemInfo.kubeletVersion',
    cell: (node) => node.status?.nodeInfo?.kubeletVersion ?? '',
  },
  {
    name: 'Internal-IP',
    type: 'string',
    priority: 1,
    doc: 'core.v1.NodeStatus.addresses',
    cell: (node) => address(node, 'InternalIP'),
  },
  {
    name: 'External-IP',
    type: 'string',
    priority: 1,
    doc: 'core.v1.NodeStatus.addresses',
    cell: (node) => address(node, 'ExternalIP'),
  },
  {
    name: 'OS-Image',
    type: 'string',
    priority: 1,
    doc: 'core.v1.NodeSystemInfo.osImage',
    cell: (node) => known(node.status?.nodeInfo?.osImage),
  },
  {
    name: 'Kernel-Version',
    type: 'string',
    priority: 1,
    doc: 'core.v1.NodeSystemInfo.kernelVersion',
    cell: (node) => known(node.status?.nodeInfo?.kernelVersion),
  },
  {
    name: 'Container-Runtime',
    type: 'string',
    priority: 1,
    doc: 'core.v1.NodeSystemInfo.containerRuntimeVersion',
    cell: (node) => known(node.status?.nodeInfo?.containerRuntimeVersion),
  },
];

function validateResources(problems: Problems, node: Node): void {
  for (const kind of ['capacity', 'allocatable'] as const)
    for (const [name, quantity] of Object.entries(node.status?.[kind] ?? {}))
      validateQuantity(problems, `status.${kind}.${name}`, name, quantity);
}

const avoidAnnotation = 'scheduler.alpha.kubernetes.io/preferAvoidPods';
const taintsAnnotation = 'scheduler.alpha.kubernetes.io/taints';

/** Annotations of old that hold JSON: what they say is no longer looked at, only that it is JSON. */
function validateAnnotations(problems: Problems, node: Node): void {
  const path = 'metadata.annotations';
  for (const [key, field] of [
    [taintsAnnotation, path],
    [avoidAnnotation, `${path}.AvoidPods`],
  ] as const) {
    const text = node.metadata.annotations?.[key];
    if (!text) continue;
    try {
      JSON.parse(text);
    } catch (error) {
      problems.invalid(field, key, (error as Error).message);
    }
  }
}

function validateConfigSource(problems: Problems, path: string, source: NodeConfigSource): void {
  const { configMap } = source;
  if (!configMap) {
    problems.invalid(path, goFormOf(configSourceForm, source), 'exactly one reference subfield must be non-nil');
    return;
  }
  const at = `${path}.configMap`;
  // Which object it is, is for the status to say.
  for (const field of ['uid', 'resourceVersion'] as const)
    if (configMap[field]) problems.forbidden(`${at}.${field}`, `${field} must not be set in spec`);
  if (!configMap.kubeletConfigKey) problems.required(`${at}.kubeletConfigKey`, 'kubeletConfigKey must be set in spec');
  for (const field of ['namespace', 'name'] as const)
    if (!configMap[field]) problems.required(`${at}.${field}`, `${field} must be set in spec`);
}
const configSourceForm = 'ConfigMap:configMap=p';

function validateUpdate(problems: Problems, node: Node, old: Node): void {
  validateAnnotations(problems, node);
  validateResources(problems, node);
  const seen = new Set<string>();
  (node.status?.addresses ?? []).forEach((one, i) => {
    const key = `${one.type} ${one.address}`;
    if (seen.has(key))
      problems.duplicate(`status.addresses[${i}]`, { Type: one.type ?? '', Address: one.address ?? '' });
    seen.add(key);
  });
  const before = old.spec?.podCIDRs ?? [];
  const after = node.spec?.podCIDRs ?? [];
  const fixed = (): void =>
    problems.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid');
  if (before.length > 0 && before.length !== after.length) fixed();
  else
    before.forEach((cidr, i) => {
      if (cidr !== after[i]) fixed();
    });
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID)
    problems.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid');
  if (node.spec?.configSource) validateConfigSource(problems, 'spec.configSource', node.spec.configSource);
  validateTaints(problems, 'metadata.taints', node.spec?.taints);
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? ''))
    problems.forbidden('spec.externalID', 'may not be updated');
}

/** Ranges that a node has may stay, whatever they look like. */
function validate(problems: Problems, node: Node, old: Node | undefined): void {
  validateAnnotations(problems, node);
  validateTaints(problems, 'metadata.taints', node.spec?.taints);
  validateResources(problems, node);
  const swap = node.status?.nodeInfo?.swap?.capacity;
  if (swap !== undefined && swap <= 0)
    problems.invalid('metadata.nodeSwapStatus.capacity', swap, 'must be greater than zero');
  const cidrs = node.spec?.podCIDRs ?? [];
  cidrs.forEach((cidr, i) => {
    problems.invalidAll(`spec.podCIDRs[${i}]`, cidr, cidrMessages(cidr, old?.spec?.podCIDRs));
  });
  if (cidrs.length < 2) return;
  const parsed = cidrs.map((cidr) => parseCidr(cidr));
  const malformed = parsed.indexOf(undefined);
  if (malformed >= 0)
    problems.list.push({
      type: 'InternalError',
      field: 'spec.podCIDRs',
      detail: `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[${malformed}]: <nil> (invalid CIDR address: ${cidrs[malformed]})`,
    });
  if (malformed >= 0 || !isDualStack(parsed.map((cidr) => cidr?.network)))
    problems.invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family');
}

export default defineResource<Node>({
  ...nodes,
  singular: 'node',
  shortNames: ['no'],
  schema: 'io.k8s.api.core.v1.Node',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    defaults(node) {
      node.spec ??= {};
      node.status ??= {};
      // Two fields, one fact: the plural's first entry is the singular.
      if (node.spec.podCIDR && node.spec.podCIDRs?.[0] !== node.spec.podCIDR) node.spec.podCIDRs = [node.spec.podCIDR];
      else if (!node.spec.podCIDR && node.spec.podCIDRs?.length) node.spec.podCIDR = node.spec.podCIDRs[0] as string;
      if (!node.status.allocatable && node.status.capacity) node.status.allocatable = { ...node.status.capacity };
      node.status.daemonEndpoints ??= { kubeletEndpoint: { Port: 0 } };
      node.status.nodeInfo ??= {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '',
        osImage: '',
        containerRuntimeVersion: '',
        kubeletVersion: '',
        kubeProxyVersion: '',
        operatingSystem: '',
        architecture: '',
      };
    },
    // Behind a feature that is gone: the kubelet's configuration in a ConfigMap.
    prepareForCreate(node) {
      delete node.spec.configSource;
      delete node.status.config;
    },
    prepareForUpdate(node, old) {
      node.status = old.status;
      if (!old.spec?.configSource) delete node.spec.configSource;
    },
    validate(node, context) {
      const problems = new Problems();
      if (context.operation === 'create') validate(problems, node, undefined);
      return problems.list;
    },
    validateUpdate(node, old) {
      const problems = new Problems();
      validate(problems, node, old);
      validateUpdate(problems, node, old);
      return problems.list;
    },
    warnings: ({ spec }) => [
      ...(spec.configSource ? ['spec.configSource: the feature is removed'] : []),
      ...(spec.externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
    ],
  },
  columns,
  selectableFields: { 'spec.unschedulable': (node) => String(node.spec?.unschedulable ?? false) },
  heartbeat: {
    node: (_namespace, name) => name,
    fill(node, lastContactMs) {
      for (const condition of node.status?.conditions ?? []) condition.lastHeartbeatTime = formatTime(lastContactMs);
    },
  },
  subresources: [
    proxySubresource('NodeProxyOptions'),
    statusSubresource<Node>({
      prepare(node, old) {
        if (!old.status?.config) delete node.status?.config;
      },
      validate(node, old) {
        const problems = new Problems();
        validateUpdate(problems, node, old);
        return problems.list;
      },
    }),
  ],
});
