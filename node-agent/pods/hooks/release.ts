// Steps at the end of a pod: giving back what it holds (volumes, cgroup), and removing its last traces.
import fs from 'node:fs/promises';
import { logDirectory, type PodContext, retryLater, succeeded } from '../context.ts';

const retryMaxMs = 10_000;

export async function release(context: PodContext): Promise<void> {
  const { state, node } = context;
  const uid = state.pod.metadata.uid;
  await node.volumes.unmount(uid);
  if (await node.cgroups.remove(uid)) {
    state.released = true;
    succeeded(context, 'release');
  } else retryLater(context, 'release', retryMaxMs);
}

export async function forget(context: PodContext): Promise<void> {
  const { state, node } = context;
  const logs = logDirectory(context);
  if (logs) await fs.rm(logs, { recursive: true, force: true });
  node.images.forget(state.pod.metadata.uid);
  state.forgotten = true;
  if (state.termination?.why === 'deleted') node.reportGone(state.pod);
}
