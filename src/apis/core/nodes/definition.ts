// core/v1 Node.

import type { Node, NodeAddress } from '../../../generated/schemas/core-v1.ts';
import { nodes } from '../../../generated/schemas/index.ts';
import { isCidr } from '../../../machinery/names.ts';
import { type Column, defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
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
  { name: 'Status', type: 'string', cell: status },
  { name: 'Roles', type: 'string', cell: roles },
  ageColumn,
  { name: 'Version', type: 'string', cell: (node) => node.status?.nodeInfo?.kubeletVersion ?? '' },
  { name: 'Internal-IP', type: 'string', priority: 1, cell: (node) => address(node, 'InternalIP') },
  { name: 'External-IP', type: 'string', priority: 1, cell: (node) => address(node, 'ExternalIP') },
  { name: 'OS-Image', type: 'string', priority: 1, cell: (node) => known(node.status?.nodeInfo?.osImage) },
  { name: 'Kernel-Version', type: 'string', priority: 1, cell: (node) => known(node.status?.nodeInfo?.kernelVersion) },
  {
    name: 'Container-Runtime',
    type: 'string',
    priority: 1,
    cell: (node) => known(node.status?.nodeInfo?.containerRuntimeVersion),
  },
];

function validateResources(problems: Problems, node: Node): void {
  for (const kind of ['capacity', 'allocatable'] as const)
    for (const [name, quantity] of Object.entries(node.status?.[kind] ?? {}))
      validateQuantity(problems, `status.${kind}.${name}`, name, quantity);
}

function validateUpdate(problems: Problems, node: Node, old: Node): void {
  const seen = new Set<string>();
  (node.status?.addresses ?? []).forEach((one, i) => {
    const key = `${one.type} ${one.address}`;
    if (seen.has(key)) problems.duplicate(`status.addresses[${i}]`, one);
    seen.add(key);
  });
  const before = old.spec?.podCIDRs ?? [];
  const after = node.spec?.podCIDRs ?? [];
  if (before.length > 0 && (before.length !== after.length || before.some((cidr, i) => cidr !== after[i])))
    problems.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid');
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID)
    problems.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid');
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? ''))
    problems.forbidden('spec.externalID', 'may not be updated');
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
      if (node.spec.podCIDR && !node.spec.podCIDRs?.length) node.spec.podCIDRs = [node.spec.podCIDR];
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
    prepareForUpdate(node, old) {
      node.status = old.status;
    },
    validate(node) {
      const problems = new Problems();
      validateTaints(problems, 'metadata.taints', node.spec?.taints);
      validateResources(problems, node);
      const cidrs = node.spec?.podCIDRs ?? [];
      cidrs.forEach((cidr, i) => {
        problems.invalidAll(`spec.podCIDRs[${i}]`, cidr, isCidr(cidr));
      });
      if (cidrs.length > 2 || (cidrs.length === 2 && cidrs[0]?.includes(':') === cidrs[1]?.includes(':')))
        problems.invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family');
      return problems.list;
    },
    validateUpdate(node, old) {
      const problems = new Problems();
      validateUpdate(problems, node, old);
      return problems.list;
    },
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
    statusSubresource<Node>({
      validate(node, old) {
        const problems = new Problems();
        validateResources(problems, node);
        validateUpdate(problems, node, old);
        return problems.list;
      },
    }),
  ],
});
