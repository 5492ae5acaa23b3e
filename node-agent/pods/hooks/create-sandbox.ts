// Step: a sandbox with its network. A failure may leave one behind in the runtime; the worker lists again before it retries.
import fs from 'node:fs/promises';
import { podLimits } from '../../resources/pod-resources.ts';
import type { SandboxConfig } from '../../runtime.ts';
import { logDirectory, messageOf, type PodContext, retryLater, succeeded } from '../context.ts';
import { sandboxConfig } from '../sandbox-config.ts';

const retryMaxMs = 10_000;

export function configOf(context: PodContext, attempt: number): SandboxConfig {
  const { state, node } = context;
  return sandboxConfig(state.pod, attempt, {
    ...node.facts(),
    logDirectory: logDirectory(context),
    cgroupParent: node.cgroups.parent(state.pod),
    seccompDirectory: node.seccompDirectory,
  });
}

export async function createSandbox(context: PodContext, attempt: number): Promise<void> {
  const { state, node } = context;
  if (attempt > 0)
    node.event(
      state.pod,
      undefined,
      'Normal',
      'SandboxChanged',
      'Pod sandbox changed, it will be killed and re-created.',
    );
  try {
    await node.gate.run(async () => {
      const logs = logDirectory(context);
      if (logs) await fs.mkdir(logs, { recursive: true, mode: 0o755 });
      const { pod } = state;
      await node.cgroups.create(pod);
      state.podLimits = podLimits(pod);
      const id = await node.runtime.runSandbox(configOf(context, attempt));
      state.sandboxes = [await node.runtime.sandboxStatus(id), ...state.sandboxes];
    });
    succeeded(context, 'sandbox');
  } catch (error) {
    node.event(
      state.pod,
      undefined,
      'Warning',
      'FailedCreatePodSandBox',
      `Failed to create pod sandbox: rpc error: ${messageOf(error)}`,
    );
    retryLater(context, 'sandbox', retryMaxMs);
    throw error;
  }
}
