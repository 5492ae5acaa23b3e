// Step: ends one instance: preStop, then, for a pod that is being deleted, until no node routes to it any more, then the
// stop signal, the rest of the grace period, SIGKILL. Hooks count against the grace period.
import { fieldPathOf, messageOf, type PodContext, specOf } from '../context.ts';
import type { Action, KillReason } from '../plan.ts';
import { runHandler } from './lifecycle.ts';
import { learn } from './observe.ts';

/** Even when hooks have used up all the grace, SIGTERM comes this long before SIGKILL. */
const minimumGraceMs = 2000;
const drainMaxMs = 2000;

const messages: Record<KillReason, (name: string) => string> = {
  stopping: (name) => `Stopping container ${name}`,
  liveness: (name) => `Container ${name} failed liveness probe, will be restarted`,
  startup: (name) => `Container ${name} failed startup probe, will be restarted`,
  changed: (name) => `Container ${name} definition changed, will be restarted`,
  unknown: (name) => `Container is in "Unknown" state, try killing it before restart: ${name}`,
  hook: () => 'FailedPostStartHook',
  resize: (name) => `Container ${name} resize requires restart`,
};

export async function killContainer(
  context: PodContext,
  action: Extract<Action, { type: 'killContainer' }>,
): Promise<void> {
  const { state, node } = context;
  const path = fieldPathOf(state.pod, action.name);
  node.event(state.pod, path, 'Normal', 'Killing', messages[action.why](action.name));
  const memory = state.memory.get(action.id);
  if (memory && action.why === 'resize') memory.restart = true;
  const deadlineMs = node.timers.now() + action.graceSeconds * 1000;
  const left = (): number => deadlineMs - node.timers.now();
  const preStop = specOf(state.pod, action.name)?.lifecycle?.preStop;
  const hook = async (): Promise<void> => {
    if (!preStop || state.containers.get(action.id)?.state !== 'running') return;
    const run = runHandler(context, action.name, action.id, preStop).catch((error: unknown) => {
      node.log.info('preStop failed', {
        pod: state.pod.metadata.name,
        container: action.name,
        error: messageOf(error),
      });
      node.event(state.pod, path, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
    });
    await within(context, run, left());
  };
  await Promise.all([
    hook(),
    action.why === 'stopping' ? untilDrained(context, Math.min(drainMaxMs, left() - 1000)) : undefined,
  ]);
  await node.runtime.stopContainer(action.id, Math.ceil(Math.max(minimumGraceMs, left()) / 1000));
  await learn(context, action.id);
}

async function untilDrained(context: PodContext, maxMs: number): Promise<void> {
  const { state } = context;
  const ready = state.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  if (state.drained || !ready || state.termination?.why !== 'deleted' || maxMs <= 0) {
    // Once one container has been told to end, the others need not wait either.
    state.drained = true;
    return;
  }
  await within(context, new Promise<void>((resolve) => state.drainWaiters.push(resolve)), maxMs);
  state.drained = true;
}

function within(context: PodContext, work: Promise<void>, maxMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = context.node.timers.after(Math.max(0, maxMs), resolve);
    void work.then(() => {
      cancel();
      resolve();
    });
  });
}
