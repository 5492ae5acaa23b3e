// Step: the image of a container's next start is present. What it learns is used for one start only.
import { ImageError } from '../../images/manager.ts';
import { fieldPathOf, messageOf, type PodContext, retryLater, specOf, succeeded } from '../context.ts';
import { configOf } from './create-sandbox.ts';

const retryMaxMs = 10_000;

export async function prepareImage(context: PodContext, name: string): Promise<void> {
  const { state, node } = context;
  const container = specOf(state.pod, name);
  if (!container) return;
  const path = fieldPathOf(state.pod, name);
  const key = `image:${name}`;
  try {
    const image = await node.images.ensure(
      state.pod,
      container,
      configOf(context, state.sandboxes[0]?.attempt ?? 0),
      (type, reason, message) => node.event(state.pod, path, type, reason, message),
    );
    state.images.set(name, image);
    succeeded(context, key);
  } catch (error) {
    const reason = error instanceof ImageError ? error.reason : 'ImageInspectError';
    state.waiting.set(name, { reason, message: messageOf(error) });
    node.event(state.pod, path, 'Warning', 'Failed', `Error: ${reason}`);
    retryLater(context, key, retryMaxMs);
    const untilMs = node.images.backoffUntilMs(state.pod, container);
    // The first refusal becomes ImagePullBackOff soon; from then on the back-off itself decides.
    if (reason === 'ImagePullBackOff' && untilMs !== undefined) state.retryAtMs.set(key, untilMs);
  }
}
