// Serves `kubectl attach`: the streams of a container's first process, beside whoever else is attached to it, until it has ended. How
// it ended is not told, as upstream does not.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { AttachOffer } from '../../src/protocol/streams.ts';
import { specOf } from '../pods/context.ts';
import type { ContainerAttached, Processes } from './processes.ts';
import { internalError, type Pods, runtimeError, serveRemoteCommand, success } from './remote-command.ts';
import type { ServeSocket } from './types.ts';

/** Of the manager of pods, what finds a container and what it was started with. */
export interface PodsWithSpecs extends Pods {
  worker(uid: string): (ReturnType<Pods['worker']> & { state: { pod: Pod } }) | undefined;
}

export function attachServer(pods: PodsWithSpecs, processes: Pick<Processes, 'attach'>): ServeSocket<AttachOffer> {
  return (stream) => {
    const { namespace, pod, podUid, container, protocol } = stream.offer;
    let attached = false;
    return serveRemoteCommand<AttachOffer, ContainerAttached>(pods, stream, {
      absent: (name) => `container ${name} not found in pod ${pod}_${namespace}`,
      async start(id, { stdin, stdout, stderr }) {
        // Whether there is a terminal, and an input, was decided when the container was started.
        const known = pods.worker(podUid)?.state.pod;
        const started = known && specOf(known, container);
        const tty = started?.tty === true;
        const streams = {
          stdin: stdin && started?.stdin === true,
          stdinOnce: started?.stdinOnce === true,
          stdout,
          stderr: stderr && !tty,
          tty,
        };
        const process = await processes.attach(id, streams);
        attached = true;
        return process;
      },
      outcome: async ({ ended }) => {
        await ended;
        return success;
      },
      failed(error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!attached) return internalError(`unable to upgrade connection: ${why}`);
        const said = why.replace(/^Internal error occurred: error attaching to container: /, '');
        return runtimeError(protocol, `error attaching to container: ${said}`);
      },
    });
  };
}
