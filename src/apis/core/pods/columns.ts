// The columns of `kubectl get pods`. STATUS summarises phase, init progress, container states and deletion as upstream's
// printer does.

import type { ContainerStatus, Pod } from '../../../generated/schemas/core-v1.ts';
import type { Column } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';

interface Summary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  /** When the last container ended that was started again since. */
  lastRestart: string | undefined;
}

const conditionTrue = (pod: Pod, type: string): boolean =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

/** Restarts of some containers, and the latest end among them. RFC 3339 in UTC sorts as text. */
class Restarts {
  count = 0;
  last: string | undefined;
  add(status: ContainerStatus): void {
    this.count += status.restartCount ?? 0;
    const ended = status.lastState?.terminated?.finishedAt;
    if (ended !== undefined && (this.last === undefined || ended > this.last)) this.last = ended;
  }
}

function endText(status: ContainerStatus): string {
  const ended = status.state?.terminated;
  if (!ended) return '';
  if (ended.reason) return ended.reason;
  return ended.signal ? `Signal:${ended.signal}` : `ExitCode:${ended.exitCode ?? 0}`;
}

/** Why init containers are not through, undefined when they are. Counts sidecars that are ready. */
function initReason(
  pod: Pod,
  count: (status: ContainerStatus, sidecar: boolean) => void,
  ready: () => void,
): string | undefined {
  const specs = pod.spec?.initContainers ?? [];
  const sidecars = new Set(specs.filter((one) => one.restartPolicy === 'Always').map((one) => one.name));
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [i, status] of statuses.entries()) {
    const sidecar = sidecars.has(status.name);
    count(status, sidecar);
    if (status.state?.terminated && (status.state.terminated.exitCode ?? 0) === 0) continue;
    if (sidecar && status.started) {
      if (status.ready) ready();
      continue;
    }
    if (status.state?.terminated) return `Init:${endText(status)}`;
    const waiting = status.state?.waiting?.reason;
    if (waiting && waiting !== 'PodInitializing') return `Init:${waiting}`;
    return `Init:${i}/${specs.length}`;
  }
  return undefined;
}

export function summarize(pod: Pod): Summary {
  const phase = pod.status?.phase ?? '';
  let reason = pod.status?.reason || phase;
  if (pod.status?.conditions?.some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated'))
    reason = 'SchedulingGated';
  const sidecarCount = (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').length;
  const total = (pod.spec?.containers?.length ?? 0) + sidecarCount;
  let ready = 0;
  let restarts = new Restarts();
  const sidecarRestarts = new Restarts();
  const initializing = initReason(
    pod,
    (status, sidecar) => {
      restarts.add(status);
      if (sidecar) sidecarRestarts.add(status);
    },
    () => ready++,
  );
  if (initializing !== undefined) reason = initializing;
  if (initializing === undefined || conditionTrue(pod, 'Initialized')) {
    restarts = sidecarRestarts;
    let running = false;
    for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
      restarts.add(status);
      if (status.state?.waiting?.reason) reason = status.state.waiting.reason;
      else if (status.state?.terminated) reason = endText(status);
      else if (status.ready && status.state?.running) {
        running = true;
        ready++;
      }
    }
    if (reason === 'Completed' && running) reason = conditionTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (pod.status?.reason === 'NodeLost') reason = 'Unknown';
    else if (phase !== 'Failed' && phase !== 'Succeeded') reason = 'Terminating';
  }
  return { ready, total, reason, restarts: restarts.count, lastRestart: restarts.last };
}

function gates(pod: Pod): string {
  const wanted = pod.spec?.readinessGates ?? [];
  if (wanted.length === 0) return '<none>';
  return `${wanted.filter((gate) => conditionTrue(pod, gate.conditionType)).length}/${wanted.length}`;
}

const orNone = (text: string | undefined): string => text || '<none>';

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  {
    name: 'Ready',
    type: 'string',
    description: 'The aggregate readiness state of this pod for accepting traffic.',
    cell(pod) {
      const { ready, total } = summarize(pod);
      return `${ready}/${total}`;
    },
  },
  {
    name: 'Status',
    type: 'string',
    description: 'The aggregate status of the containers in this pod.',
    cell: (pod) => summarize(pod).reason,
  },
  {
    name: 'Restarts',
    type: 'string',
    description:
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    cell(pod) {
      const { restarts, lastRestart } = summarize(pod);
      return restarts === 0 || lastRestart === undefined
        ? String(restarts)
        : { since: lastRestart, prefix: `${restarts} (`, suffix: ' ago)' };
    },
  },
  ageColumn,
  {
    name: 'IP',
    type: 'string',
    priority: 1,
    doc: 'core.v1.PodStatus.podIP',
    cell: (pod) => orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP),
  },
  {
    name: 'Node',
    type: 'string',
    priority: 1,
    doc: 'core.v1.PodSpec.nodeName',
    cell: (pod) => orNone(pod.spec?.nodeName),
  },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    doc: 'core.v1.PodStatus.nominatedNodeName',
    cell: (pod) => orNone(pod.status?.nominatedNodeName),
  },
  { name: 'Readiness Gates', type: 'string', priority: 1, doc: 'core.v1.PodSpec.readinessGates', cell: gates },
];
