// Who serves which kind of stream on this node: one line each. What is missing here is refused with 503.
import type { Timers } from '../../src/ports/index.ts';
import { logServer } from '../logs/serve.ts';
import type { PodManager } from '../pods/manager.ts';
import { execServer } from './exec.ts';
import type { Processes } from './processes.ts';
import type { Servers } from './serve.ts';

export interface ServerParts {
  pods: PodManager;
  logsDirectory: string;
  timers: Timers;
  /** Absent: nothing can be executed here. */
  processes: Processes | undefined;
}

export function streamServers(p: ServerParts): Partial<Servers> {
  return {
    log: logServer(p.pods, p.logsDirectory, p.timers),
    ...(p.processes ? { exec: execServer(p.pods, p.processes) } : {}),
  };
}
