// Step: all volumes of the pod are present. Until then no container starts; what is missing is said in an event and retried.
import { MountError } from '../../volumes/manager.ts';
import { messageOf, type PodContext, payloadSource, retryLater, succeeded } from '../context.ts';

const retryMaxMs = 20_000;

export async function mountVolumes(context: PodContext): Promise<void> {
  const { state, node } = context;
  try {
    await node.volumes.mount(state.pod, payloadSource(context));
    state.volumesMounted = true;
    succeeded(context, 'volumes');
  } catch (error) {
    const where = error instanceof MountError ? ` for volume "${error.volume}"` : '';
    node.event(
      state.pod,
      undefined,
      'Warning',
      'FailedMount',
      `MountVolume.SetUp failed${where} : ${messageOf(error)}`,
    );
    retryLater(context, 'volumes', retryMaxMs);
  }
}
