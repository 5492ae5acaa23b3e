// What streams do with processes and sandboxes of simulated nodes, put together: the first process of a container repeats what it
// reads, and of a pod's ports the one of the echo service (7) is open.
import { PassThrough } from 'node:stream';
import type { Random, Timers } from '../../src/ports/index.ts';
import type { Processes } from '../streams/processes.ts';
import { SimulatedExecutor } from './execute.ts';
import type { SimulatedRuntime } from './index.ts';

const echoPort = 7;

export function simulatedProcesses(runtime: SimulatedRuntime, timers: Timers, random: Random): Processes {
  const executor = new SimulatedExecutor(runtime, timers, random);
  return {
    execute: (containerId, command, streams) => executor.execute(containerId, command, streams),
    async attach(containerId, streams) {
      const { exit, kill, ...first } = await executor.execute(
        containerId,
        streams.stdin ? ['cat'] : ['sleep', '1000000'],
        streams,
      );
      return {
        ...first,
        ended: exit.then(() => {}),
        close() {
          first.close();
          void kill();
        },
      };
    },
    async dial(sandboxId, port) {
      const { ready } = await runtime.sandboxStatus(sandboxId);
      if (ready && port === echoPort) return new PassThrough();
      const code = 'ECONNREFUSED';
      throw Object.assign(new Error(`connect ${code} 127.0.0.1:${port}`), { code });
    },
    stop() {},
  };
}
