// What the node itself checks when a pod is bound to it, as the kubelet does: what it can run at all, resources, host
// ports, node selector. Pure.
import type { Node, NodeSelectorRequirement, Pod } from '../../src/generated/schemas/core-v1.ts';
import { amount, podRequest } from '../resources/pod-resources.ts';

export interface Rejection {
  /** Becomes the pod's status.reason and the event's reason. */
  reason: string;
  message: string;
}

export function admit(pod: Pod, others: readonly Pod[], node: Node | undefined): Rejection | undefined {
  const unable = unsupported(pod);
  if (unable || !node) return unable;
  if (!matchesNode(pod, node))
    return {
      reason: 'NodeAffinity',
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    };
  const allocatable = node.status?.allocatable ?? {};
  const podsMax = amount(allocatable.pods, 'pods');
  if (podsMax > 0 && others.length + 1 > podsMax) return outOf('pods', 1, others.length, podsMax);
  const names = new Set(
    [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].flatMap((c) =>
      Object.keys({ ...c.resources?.limits, ...c.resources?.requests }),
    ),
  );
  for (const name of ['cpu', 'memory', ...[...names].filter((n) => n !== 'cpu' && n !== 'memory')]) {
    const requested = podRequest(pod, name);
    if (requested === 0) continue;
    const capacity = amount(allocatable[name], name);
    const used = others.reduce((sum, p) => sum + podRequest(p, name), 0);
    if (used + requested > capacity) return outOf(name, requested, used, capacity);
  }
  for (const port of hostPorts(pod)) {
    if (others.some((o) => hostPorts(o).some((p) => conflicts(p, port)))) {
      return {
        reason: 'NodePorts',
        message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      };
    }
  }
  return undefined;
}

/** What PodSecurity asks less of: run as any other pod, it would have more than its namespace allows. */
function unsupported({ spec }: Pod): Rejection | undefined {
  if (spec?.os && spec.os.name !== 'linux')
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  if (spec?.hostUsers === false)
    return {
      reason: 'UserNamespacesNotSupported',
      message: 'Failed to admit pod as the node does not support user namespaces (spec.hostUsers: false)',
    };
  return undefined;
}

const outOf = (name: string, requested: number, used: number, capacity: number): Rejection => ({
  reason: `OutOf${name}`,
  message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
});

interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

const hostPorts = (pod: Pod): HostPort[] =>
  (pod.spec?.containers ?? []).flatMap((c) =>
    (c.ports ?? [])
      .filter((p) => p.hostPort)
      .map((p) => ({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol ?? 'TCP', port: p.hostPort! })),
  );

const conflicts = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');

function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [k, v] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[k] !== v) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return true;
  return required.nodeSelectorTerms.some((term) => {
    const expressions = term.matchExpressions ?? [];
    const fields = term.matchFields ?? [];
    if (expressions.length + fields.length === 0) return false;
    return (
      expressions.every((e) => meets(e, labels[e.key])) &&
      fields.every((e) => meets(e, e.key === 'metadata.name' ? node.metadata.name : undefined))
    );
  });
}

function meets(r: NodeSelectorRequirement, value: string | undefined): boolean {
  const values = r.values ?? [];
  switch (r.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
