// Step: makes what is allocated to a pod that runs the limits in force: first everything that rises at the pod, then its
// containers, then everything that falls at the pod, so that a container never has more than its pod. Memory is not taken
// below what is in use: that is an error, and tried again. What was done before a failure stays and is not done again.
import type { Pod, ResourceRequirements } from '../../../src/generated/schemas/core-v1.ts';
import { amount, containerResources, type PodLimits, podLimits } from '../../resources/pod-resources.ts';
import type { ContainerRecord } from '../../runtime.ts';
import { messageOf, type PodContext, retryLater, seenOf, specOf, succeeded } from '../context.ts';
import { left, resizeMessage } from '../resize.ts';

const retryMaxMs = 10_000;

export async function resize(context: PodContext): Promise<void> {
  const { state, node } = context;
  const { pod } = state;
  const { inProgress } = state.resize;
  try {
    await apply(context);
    succeeded(context, 'resize');
  } catch (error) {
    // Something else has been allocated since.
    if (!inProgress || state.resize.inProgress !== inProgress) return;
    const message = messageOf(error);
    if (inProgress.error !== message) {
      inProgress.error = message;
      const text = resizeMessage('Pod resize error', pod, inProgress.generation, message);
      node.event(pod, undefined, 'Warning', 'ResizeError', text);
    }
    retryLater(context, 'resize', retryMaxMs);
    throw error;
  }
}

async function apply(context: PodContext): Promise<void> {
  const { state, node } = context;
  // What is allocated meanwhile is the next step's.
  const { pod } = state;
  const { update } = left(seenOf(context));
  const wanted = podLimits(pod);
  const current = await node.cgroups.limits(pod);
  await refuseTooLittleMemory(context, pod, update, wanted, current);
  const pick = (chosen: (wanted: number, current: number) => boolean): PodLimits =>
    Object.fromEntries(
      (['cpuQuotaUs', 'memoryBytes'] as const)
        .filter((k) => wanted[k] !== undefined && chosen(wanted[k], current?.[k] ?? Number.POSITIVE_INFINITY))
        .map((k) => [k, wanted[k]]),
    );
  if (current) await node.cgroups.limit(pod, { cpuShares: wanted.cpuShares!, ...pick((w, c) => w > c) });
  for (const record of update) {
    const container = specOf(pod, record.name)!;
    await node.runtime.updateContainer(record.id, containerResources(pod, container, node.facts().memoryCapacityBytes));
    const memory = state.memory.get(record.id);
    if (memory) memory.resources = container.resources ?? {};
  }
  if (current)
    await node.cgroups.limit(
      pod,
      pick((w, c) => w < c),
    );
  state.podLimits = wanted;
}

const memoryLimit = (r: ResourceRequirements | undefined): number => amount(r?.limits?.memory, 'memory');

async function refuseTooLittleMemory(
  { state, node }: PodContext,
  pod: Pod,
  update: readonly ContainerRecord[],
  wanted: PodLimits,
  current: PodLimits | undefined,
): Promise<void> {
  const problems: string[] = [];
  const check = (what: string, limit: number, usage: number | undefined): void => {
    if (usage !== undefined && usage >= limit)
      problems.push(`attempting to set ${what} memory limit (${limit}) below current usage (${usage})`);
  };
  const { memoryBytes } = wanted;
  if (current && memoryBytes !== undefined && memoryBytes < (current.memoryBytes ?? Number.POSITIVE_INFINITY))
    check('pod', memoryBytes, await node.cgroups.memoryUsage(pod));
  for (const { id, name } of update) {
    const limit = memoryLimit(specOf(pod, name)?.resources);
    const before = memoryLimit(state.memory.get(id)?.resources);
    if (limit > 0 && (before === 0 || limit < before))
      check(`container "${name}"`, limit, await node.runtime.memoryUsage(id));
  }
  if (problems.length === 0) return;
  const all = problems.join(', ');
  throw new Error(`cannot decrease memory limits: ${problems.length === 1 ? all : `[${all}]`}`);
}
