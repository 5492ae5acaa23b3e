// The downward API: fieldRef and resourceFieldRef, for environment variables and volumes. Pure.
import type {
  Container,
  ObjectFieldSelector,
  Pod,
  ResourceFieldSelector,
} from '../../src/generated/schemas/core-v1.ts';
import { parseQuantity } from '../../src/machinery/quantity.ts';

export interface FieldContext {
  pod: Pod;
  podIps: readonly string[];
  hostIp: string;
  /** Stands in for limits that a container does not set: millicores and bytes. */
  allocatable: { cpuMilli: number; memoryBytes: number };
}

const nano = 1_000_000_000n;

/** A map as the downward API writes it: one `key="escaped value"` a line, sorted by key. */
export function formatMap(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((k) => `${k}=${JSON.stringify(map![k])}`)
    .join('\n');
}

/** Undefined for a path that is unknown. */
export function fieldValue(selector: ObjectFieldSelector, c: FieldContext): string | undefined {
  const { pod } = c;
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(selector.fieldPath);
  if (subscript)
    return (subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations)?.[subscript[2]!] ?? '';
  switch (selector.fieldPath) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return c.hostIp;
    case 'status.podIP':
      return c.podIps[0] ?? '';
    case 'status.podIPs':
      return c.podIps.join(',');
    default:
      return undefined;
  }
}

/** The amount divided by the divisor, rounded up. Undefined for a resource that has no value here. */
export function resourceValue(
  selector: ResourceFieldSelector,
  container: Container,
  c: FieldContext,
): string | undefined {
  const [kind, ...rest] = selector.resource.split('.');
  const name = rest.join('.');
  if (kind !== 'limits' && kind !== 'requests') return undefined;
  const r = container.resources;
  let nanos: bigint | undefined;
  const given = kind === 'limits' ? r?.limits?.[name] : (r?.requests?.[name] ?? r?.limits?.[name]);
  if (given !== undefined) nanos = parseQuantity(given).nanos;
  else if (kind === 'limits' && name === 'cpu') nanos = BigInt(c.allocatable.cpuMilli) * 1_000_000n;
  else if (kind === 'limits' && name === 'memory') nanos = BigInt(c.allocatable.memoryBytes) * nano;
  else nanos = 0n;
  const divisor =
    selector.divisor && parseQuantity(selector.divisor).nanos > 0n ? parseQuantity(selector.divisor).nanos : nano;
  return String((nanos + divisor - 1n) / divisor);
}
