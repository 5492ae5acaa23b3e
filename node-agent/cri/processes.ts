// What streams do with processes and sandboxes of containerd, put together.
import type { Log } from '../../src/ports/index.ts';
import type { Runtime } from '../runtime.ts';
import type { Processes } from '../streams/processes.ts';
import { attach } from './attach.ts';
import { ContainerdClient, CriClient } from './client.ts';
import { SandboxDialer } from './dial.ts';
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
  const cri = new CriClient(parts.socket);
  const dialer = new SandboxDialer(cri);
  const executor = new Executor({ ...parts, client });
  return {
    execute: (containerId, command, streams) => executor.execute(containerId, command, streams),
    attach: (containerId, streams) => attach(cri, containerId, streams),
    dial: (sandboxId, port) => dialer.dial(sandboxId, port),
    stop: () => {
      dialer.stop();
      cri.close();
      executor.stop();
      client.close();
    },
  };
}
