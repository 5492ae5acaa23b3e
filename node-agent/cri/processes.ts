// What streams do with processes and sandboxes of containerd, put together.
import type { Log } from '../../src/ports/index.ts';
import type { Runtime } from '../runtime.ts';
import type { Processes } from '../streams/processes.ts';
import { ContainerdClient } from './client.ts';
import { Executor } from './execute.ts';

export interface ContainerdProcessesParts {
  socket: string;
  runtime: Runtime;
  /** For pipes; of its own, on a filesystem that containerd sees, too. */
  directory: string;
  log: Log;
}

export function containerdProcesses(parts: ContainerdProcessesParts): Processes {
  const client = new ContainerdClient(parts.socket);
  const executor = new Executor({ ...parts, client });
  return {
    execute: (containerId, command, streams) => executor.execute(containerId, command, streams),
    attach: () => Promise.reject(new Error('attach is not there yet')),
    dial: () => Promise.reject(new Error('dial is not there yet')),
    stop: () => {
      executor.stop();
      client.close();
    },
  };
}
