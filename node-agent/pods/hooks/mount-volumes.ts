// Steps: all volumes of the pod are present; until then no container starts, and what is missing is said in an event and
// retried. And later: their files are current; what cannot be had leaves them as they are until something changes again.
import { MountError } from '../../volumes/manager.ts';
import { messageOf, type PodContext, payloadSource, retryLater, succeeded } from '../context.ts';

const retryMaxMs = 20_000;

export async function mountVolumes(context: PodContext): Promise<void> {
  const { state, node } = context;
  state.volumesStale = false;
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

export async function refreshVolumes(context: PodContext): Promise<void> {
  const { state, node } = context;
  state.volumesStale = false;
  try {
    await node.volumes.mount(state.pod, payloadSource(context));
  } catch (error) {
    node.log.debug('volume refresh failed', { pod: state.pod.metadata.name, error: messageOf(error) });
  }
}
