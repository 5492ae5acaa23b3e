// Step: one new instance of a container: its configuration, create, start, postStart. Each way to fail has its own waiting
// reason. An instance that could not be started stays in the runtime as exited (StartError) and counts as a restart.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Container } from '../../../src/generated/schemas/core-v1.ts';
import type { Mount } from '../../runtime.ts';
import { nextBackoff } from '../backoff.ts';
import { containerConfig } from '../container-config.ts';
import {
  fieldPathOf,
  fieldsOf,
  logDirectory,
  messageOf,
  type PodContext,
  retryLater,
  specOf,
  succeeded,
  terminationFile,
} from '../context.ts';
import { ConfigError, environment } from '../env.ts';
import type { Action } from '../plan.ts';
import { ephemeralOf, latest } from '../seen.ts';
import { configOf } from './create-sandbox.ts';
import { writeHostsFile } from './hosts-file.ts';
import { runHandler } from './lifecycle.ts';
import { learn } from './observe.ts';

const retryMaxMs = 10_000;

type Start = Extract<Action, { type: 'startContainer' }>;

export async function startContainer(context: PodContext, action: Start, changed: () => void): Promise<void> {
  const { state, node } = context;
  // What has been begun is brought to its end before more is begun.
  const id = await node.gate.run(() => createAndStart(context, action), true);
  if (id === undefined) return;
  changed();
  const postStart = specOf(state.pod, action.name)?.lifecycle?.postStart;
  if (!postStart) return;
  try {
    await runHandler(context, action.name, id, postStart);
  } catch (error) {
    if (state.containers.get(id)?.state !== 'running') return;
    node.log.info('postStart failed', {
      pod: state.pod.metadata.name,
      container: action.name,
      error: messageOf(error),
    });
    node.event(
      state.pod,
      fieldPathOf(state.pod, action.name),
      'Warning',
      'FailedPostStartHook',
      'PostStartHook failed',
    );
    state.waiting.set(action.name, { reason: 'PostStartHookError', message: messageOf(error) });
    const memory = state.memory.get(id);
    if (memory) memory.failedHook = messageOf(error);
  }
}

/** The instance's id once it runs; undefined when it does not, and its state says why. */
async function createAndStart(context: PodContext, action: Start): Promise<string | undefined> {
  const { state, node } = context;
  const container = specOf(state.pod, action.name);
  const image = state.images.get(action.name);
  if (!container || !image) return undefined;
  const path = fieldPathOf(state.pod, container.name);
  const fail = (reason: string, message: string, error: string): undefined => {
    state.images.delete(container.name);
    state.waiting.set(container.name, { reason, message });
    node.event(state.pod, path, 'Warning', 'Failed', error);
    retryLater(context, action.key, retryMaxMs);
  };
  if (action.after !== undefined) {
    state.backoffs.set(
      container.name,
      nextBackoff(state.backoffs.get(container.name), action.after, node.timers.now()),
    );
  }
  const sandbox = configOf(context, state.sandboxes.find((s) => s.id === action.sandboxId)?.attempt ?? 0);
  let id: string;
  try {
    const config = containerConfig(container, action.attempt, {
      fields: fieldsOf(context),
      objects: node.objects,
      image,
      mounts: await mountsFor(context, container, action.attempt),
      memoryCapacityBytes: node.facts().memoryCapacityBytes,
      seccompDirectory: node.seccompDirectory,
      targetId: targetOf(context, container.name),
    });
    id = await node.runtime.createContainer(action.sandboxId, config, sandbox);
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof ConfigError) return fail('CreateContainerConfigError', message, `Error: ${message}`);
    fail('CreateContainerError', message, `Error: ${message}`);
    throw error;
  }
  // Looked at while it starts; what is seen of it afterwards is what counts.
  const created = learn(context, id, action.sandboxId).catch(() => false);
  node.event(state.pod, path, 'Normal', 'Created', 'Container created');
  try {
    // The instance may be ended from now on, but nobody deletes the pod's things before this step has returned.
    if (state.termination) {
      await created;
      return undefined;
    }
    await node.runtime.startContainer(id);
    await created;
  } catch (error) {
    await created;
    await learn(context, id, action.sandboxId);
    return fail('RunContainerError', messageOf(error), `Error: ${messageOf(error)}`);
  }
  await learn(context, id, action.sandboxId);
  succeeded(context, action.key);
  state.images.delete(container.name);
  state.waiting.delete(container.name);
  node.event(state.pod, path, 'Normal', 'Started', 'Container started');
  return id;
}

/** The instance whose processes a container for debugging is to see. Whether it runs, the runtime says. */
function targetOf({ state }: PodContext, name: string): string | undefined {
  const target = ephemeralOf(state.pod).find((c) => c.name === name)?.targetContainerName;
  if (!target) return undefined;
  const found = latest({ containers: [...state.containers.values()].filter((c) => !c.lost) }, target);
  if (!found) throw new ConfigError(`unable to find target container ${target}`);
  return found.id;
}

async function mountsFor(context: PodContext, container: Container, attempt: number): Promise<Mount[]> {
  const { state, node } = context;
  const uid = state.pod.metadata.uid;
  const directory = node.volumes.podDirectory(uid);
  if (directory === '') return [];
  const logs = logDirectory(context);
  if (logs) await fs.mkdir(path.join(logs, container.name), { recursive: true, mode: 0o755 });
  const needsEnv = container.volumeMounts?.some((m) => m.subPathExpr);
  const env = new Map(
    needsEnv ? environment(container, fieldsOf(context), node.objects).map((e) => [e.key, e.value]) : [],
  );
  const mounts = await node.volumes.mountsOf(state.pod, container, env);
  const bind = (container_path: string, host_path: string): Mount => ({
    container_path,
    host_path,
    readonly: false,
    propagation: 'PROPAGATION_PRIVATE',
  });
  if (!mounts.some((m) => m.container_path === '/etc/hosts')) {
    const ips = state.sandboxes[0]?.ips ?? [];
    mounts.push(bind('/etc/hosts', await writeHostsFile(directory, state.pod, ips, node.facts().clusterDomain)));
  }
  const message = terminationFile(context, container.name, attempt);
  await fs.mkdir(path.dirname(message), { recursive: true });
  await fs.writeFile(message, '');
  await fs.chmod(message, 0o666);
  mounts.push(bind(container.terminationMessagePath || '/dev/termination-log', message));
  return mounts;
}
