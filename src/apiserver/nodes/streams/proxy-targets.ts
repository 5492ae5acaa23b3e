// Whom a proxy reaches: a pod, one of a Service's ready endpoints, or a node; and which node's agent carries the request there.
import type { Node, Pod, Service } from '../../../generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../../generated/schemas/discovery-v1.ts';
import { errors } from '../../../machinery/errors.ts';
import type { Random } from '../../../ports/index.ts';
import type { RestRequest } from '../../rest/context.ts';
import { decode } from '../../storage/codec.ts';
import { keyRange } from '../../storage/read.ts';
import type { ProxyTarget, splitName } from './proxy.ts';

type Name = NonNullable<ReturnType<typeof splitName>>;

/** Of a kubelet, and so of what an agent serves of its node. */
const kubeletPort = '10250';

const schemeOf = ({ scheme }: Name): ProxyTarget['scheme'] => (scheme === 'https' ? 'https' : 'http');
const defaultPort = (name: Name): number => (schemeOf(name) === 'https' ? 443 : 80);

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw errors.badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
}

const podOf = ({ metadata: { namespace = '', name, uid } }: Pod) => ({ namespace, pod: name, podUid: uid });

export function podTarget(pod: Pod, name: Name): ProxyTarget {
  const declared = pod.spec.containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort;
  const port = name.port === '' ? (declared ?? defaultPort(name)) : portOf(name.port);
  // Upstream would dial the address, which there is none of yet.
  if (!pod.spec.nodeName || !pod.status?.podIP) throw errors.badRequest('address not allowed');
  return { node: pod.spec.nodeName, scheme: schemeOf(name), to: { type: 'pod', ...podOf(pod), port } };
}

/** A random one of the ready endpoints of the port that is named, by its name or its number. */
export function serviceTarget(service: Service, name: Name, { core }: RestRequest): ProxyTarget {
  const serviceName = JSON.stringify(service.metadata.name);
  const none = errors.unavailable(`no endpoints available for service ${serviceName}`);
  let portName = name.port;
  if (/^-?\d+$/.test(portName)) {
    const port = service.spec.ports?.find(({ port }) => port === Number(portName));
    if (!port) throw errors.unavailable(`no service port ${Number(portName)} found for service ${serviceName}`);
    portName = port.name ?? '';
  }
  const definition = core.registry.find('discovery.k8s.io', 'v1', 'endpointslices');
  if (!definition) throw none;
  const slices = core.ledger
    .range({
      ...keyRange(definition, service.metadata.namespace),
      tag: `label=kubernetes.io/service-name=${service.metadata.name}`,
    })
    .entries.map(({ value }) => decode<EndpointSlice>(definition, value));
  const candidates = slices.flatMap((slice) => {
    const port = slice.ports?.find((one) => (one.name ?? '') === portName)?.port;
    if (port === undefined) return [];
    return (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map((endpoint) => ({ endpoint, port }));
  });
  if (candidates.length === 0) throw none;
  const { endpoint, port } = candidates[below(core.random, candidates.length)]!;
  const { targetRef, nodeName } = endpoint;
  if (nodeName && targetRef?.kind === 'Pod' && targetRef.name && targetRef.uid) {
    const { namespace = service.metadata.namespace ?? '', name: pod, uid: podUid } = targetRef;
    return { node: nodeName, scheme: schemeOf(name), to: { type: 'pod', namespace, pod, podUid, port } };
  }
  const node = nodeName ?? anyNode(core);
  if (node === undefined) throw none;
  return { node, scheme: schemeOf(name), to: { type: 'address', address: endpoint.addresses[0] ?? '', port } };
}

export function nodeTarget(node: Node, name: Name): ProxyTarget {
  const at = { node: node.metadata.name, scheme: schemeOf(name) };
  if (name.port === '' || name.port === kubeletPort) return { ...at, to: { type: 'node' } };
  const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  return { ...at, to: { type: 'address', address, port: portOf(name.port) } };
}

/** One that is ready: an address outside the cluster is reached from any. */
function anyNode(core: RestRequest['core']): string | undefined {
  const definition = core.registry.find('', 'v1', 'nodes');
  if (!definition) return undefined;
  const ready = core.ledger
    .range(keyRange(definition))
    .entries.map(({ value }) => decode<Node>(definition, value))
    .filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'));
  return ready.length === 0 ? undefined : ready[below(core.random, ready.length)]?.metadata.name;
}

function below(random: Random, count: number): number {
  const [a = 0, b = 0] = random.bytes(2);
  return (a * 256 + b) % count;
}
