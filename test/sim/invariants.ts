// What must be true of a cluster at rest, whatever happened to it before. Each check answers what is wrong, in words.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { asBytes, toNumberMilli } from '../../src/machinery/quantity.ts';
import type { SimulatedCluster } from '../harness/cluster.ts';
import { type Journal, type Live, requestsOf } from './journal.ts';

const idOf = ({ metadata }: Live): string => `${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;
const isReady = (pod: Live): boolean =>
  pod.status?.conditions?.some((c: Live) => c.type === 'Ready' && c.status === 'True') ?? false;
const controllerOf = (object: Live): Live => object.metadata.ownerReferences?.find((o: Live) => o.controller);
const hasEnded = (pod: Live): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

export async function problemsAtRest(cluster: SimulatedCluster, journal: Journal): Promise<string[]> {
  return [
    ...nodes(cluster, journal),
    ...scheduling(journal),
    ...deployments(journal),
    ...replicaSets(journal),
    ...(await containers(cluster, journal)),
    ...endpoints(journal),
    ...owners(journal),
    ...leavings(journal),
  ];
}

function nodes(cluster: SimulatedCluster, journal: Journal): string[] {
  return cluster.nodes.flatMap(({ name }) => {
    const node = journal.live.get(`nodes/${name}`);
    if (!node) return [`node ${name} is not registered`];
    if (!isReady(node)) return [`node ${name} is not Ready: ${JSON.stringify(node.status?.conditions)}`];
    const taints = (node.spec?.taints ?? []).filter((taint: Live) => taint.key !== 'node.kubernetes.io/unschedulable');
    return taints.length > 0 ? [`node ${name} is Ready and tainted: ${JSON.stringify(taints)}`] : [];
  });
}

/** A pod waits only while no node has room for it. */
function scheduling(journal: Journal): string[] {
  return journal.of<Pod>('pods').flatMap((pod) => {
    if (pod.spec?.nodeName || pod.metadata.deletionTimestamp) return [];
    const wants = requestsOf(pod);
    const room = journal.of('nodes').find((node) => {
      if (node.spec?.unschedulable) return false;
      const { allocatable } = node.status;
      const used = journal.used(node.metadata.name);
      return (
        used.pods < Number(allocatable.pods) &&
        used.cpuMilli + wants.cpuMilli <= toNumberMilli(allocatable.cpu) &&
        used.memoryBytes + wants.memoryBytes <= asBytes(allocatable.memory)
      );
    });
    return room ? [`pod ${idOf(pod)} waits although ${room.metadata.name} has room`] : [];
  });
}

function isStuck(journal: Journal, namespace: string, labels: Record<string, string>): boolean {
  return journal
    .of('pods')
    .some(
      (pod) =>
        pod.metadata.namespace === namespace &&
        !pod.spec.nodeName &&
        Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value),
    );
}

function deployments(journal: Journal): string[] {
  return journal.of('deployments.apps').flatMap((deployment) => {
    const { spec, status = {}, metadata } = deployment;
    if (metadata.deletionTimestamp) return [`deployment ${idOf(deployment)} is being deleted for ever`];
    if (status.observedGeneration !== metadata.generation)
      return [
        `deployment ${idOf(deployment)}: generation ${metadata.generation}, observed ${status.observedGeneration}`,
      ];
    if (isStuck(journal, metadata.namespace, spec.selector.matchLabels)) return [];
    const { replicas } = spec;
    const settled = [status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas];
    return settled.every((count) => (count ?? 0) === replicas)
      ? []
      : [`deployment ${idOf(deployment)} wants ${replicas}, has ${JSON.stringify(status)}`];
  });
}

function replicaSets(journal: Journal): string[] {
  return journal.of('replicasets.apps').flatMap((set) => {
    if (set.metadata.deletionTimestamp) return [`replica set ${idOf(set)} is being deleted for ever`];
    const owned = journal
      .of('pods')
      .filter(
        (pod) => controllerOf(pod)?.uid === set.metadata.uid && !hasEnded(pod) && !pod.metadata.deletionTimestamp,
      );
    if (owned.length !== set.spec.replicas)
      return [`replica set ${idOf(set)} wants ${set.spec.replicas}, has ${owned.length}`];
    const ready = owned.filter(isReady).length;
    return (set.status.replicas ?? 0) === owned.length && (set.status.readyReplicas ?? 0) === ready
      ? []
      : [`replica set ${idOf(set)} has ${owned.length}, ${ready} ready, says ${JSON.stringify(set.status)}`];
  });
}

async function containers(cluster: SimulatedCluster, journal: Journal): Promise<string[]> {
  const problems: string[] = [];
  const pods = new Map(journal.of<Pod>('pods').map((pod) => [pod.metadata.uid, pod]));
  const running = new Set<string>();
  for (const { name, runtime } of cluster.nodes) {
    const { containers: all = [], sandboxes = [] } = (await runtime?.list()) ?? {};
    for (const container of all) {
      const pod = pods.get(container.podUid);
      if (container.state === 'running') running.add(`${container.podUid}/${container.name}`);
      if (!pod || pod.spec?.nodeName !== name)
        problems.push(
          `${name}: container ${container.name} (${container.state}) of a pod that is not its own: ${container.podUid}`,
        );
    }
    for (const { podUid } of sandboxes)
      if (pods.get(podUid)?.spec?.nodeName !== name)
        problems.push(`${name}: a sandbox of no pod of its own: ${podUid}`);
  }
  for (const pod of pods.values()) {
    if (!pod.spec?.nodeName) continue;
    if (pod.metadata.deletionTimestamp) problems.push(`pod ${idOf(pod)} is being deleted for ever`);
    const over = pod.status?.containerStatuses?.some(({ state }) => state?.terminated);
    // One that is not to be restarted stays as it is.
    if (hasEnded(pod) || (over && pod.spec.restartPolicy === 'Never')) continue;
    for (const { name } of pod.spec.containers)
      if (!running.has(`${pod.metadata.uid}/${name}`))
        problems.push(`container ${name} of pod ${idOf(pod)} does not run`);
    if (!isReady(pod)) problems.push(`pod ${idOf(pod)} runs and is not ready: ${JSON.stringify(pod.status)}`);
  }
  return problems;
}

/** The ready addresses in a Service's slices are those of the ready pods that it selects; Endpoints say the same. */
function endpoints(journal: Journal): string[] {
  return journal.of('services').flatMap((service) => {
    const { namespace, name } = service.metadata;
    if (!service.spec.selector) return [];
    const should = journal
      .of('pods')
      .filter(
        (pod) =>
          pod.metadata.namespace === namespace &&
          pod.status?.podIP &&
          !hasEnded(pod) &&
          (isReady(pod) || service.spec.publishNotReadyAddresses) &&
          Object.entries(service.spec.selector).every(([key, value]) => pod.metadata.labels?.[key] === value),
      )
      .map((pod) => `${pod.status.podIP} ${pod.metadata.uid}`)
      .sort();
    const sliced = journal
      .of('endpointslices.discovery.k8s.io')
      .filter(
        ({ metadata }) => metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
      )
      .flatMap((slice) => slice.endpoints ?? [])
      .filter((endpoint: Live) => endpoint.conditions?.ready)
      .map((endpoint: Live) => `${endpoint.addresses[0]} ${endpoint.targetRef?.uid}`)
      .sort();
    const listed = (journal.live.get(`endpoints/${namespace}/${name}`)?.subsets ?? [])
      .flatMap((subset: Live) => subset.addresses ?? [])
      .map((address: Live) => `${address.ip} ${address.targetRef?.uid}`)
      .sort();
    const problems: string[] = [];
    if (String(sliced) !== String(should))
      problems.push(`slices of ${namespace}/${name}: ${sliced} instead of ${should}`);
    if (String(listed) !== String(should))
      problems.push(`endpoints of ${namespace}/${name}: ${listed} instead of ${should}`);
    return problems;
  });
}

function owners(journal: Journal): string[] {
  const uids = new Set([...journal.live.values()].map(({ metadata }) => metadata?.uid));
  return [...journal.live].flatMap(([key, { metadata }]) => {
    const references: Live[] = metadata?.ownerReferences ?? [];
    return references.length > 0 && references.every(({ uid }) => !uids.has(uid)) ? [`${key} outlives its owner`] : [];
  });
}

/** Namespaces end, and nothing is left in those that ended. */
function leavings(journal: Journal): string[] {
  return [...journal.live].flatMap(([key, { metadata }]) => {
    if (key.startsWith('namespaces/') && metadata.deletionTimestamp) return [`${key} is being deleted for ever`];
    return metadata?.namespace && !journal.live.has(`namespaces/${metadata.namespace}`)
      ? [`${key} is in a namespace that is gone`]
      : [];
  });
}
