// Who serves which kind of stream on this node: one line each. What is missing here is refused with 503.
import type { Timers } from '../../src/ports/index.ts';
import { type KubeletParts, kubeletServer } from '../kubelet/server.ts';
import { logServer } from '../logs/serve.ts';
import type { PodManager } from '../pods/manager.ts';
import { attachServer } from './attach.ts';
import { execServer } from './exec.ts';
import { asMessages } from './messages.ts';
import { portForwardServer } from './port-forward.ts';
import type { Processes } from './processes.ts';
import { Unanswered } from './proxy/unanswered.ts';
import { httpServer, type ProxyParts, webSocketServer } from './proxy.ts';
import type { Servers } from './serve.ts';

export interface ServerParts {
  pods: PodManager;
  logsDirectory: string;
  timers: Timers;
  /** Absent: nothing can be executed here. */
  processes: Processes | undefined;
  /** The node's address. */
  hostIp: string;
  kubelet: Omit<KubeletParts, 'pods' | 'logs' | 'logsDirectory' | 'clock'>;
}

export function streamServers(p: ServerParts): Partial<Servers> {
  const log = logServer(p.pods, p.logsDirectory, p.timers);
  const kubelet = kubeletServer({ ...p, ...p.kubelet, clock: p.timers, logs: log });
  const proxied: ProxyParts = { pods: p.pods, hostIp: () => p.hostIp, kubelet, unanswered: new Unanswered() };
  return {
    log,
    logMessages: asMessages(log),
    http: httpServer(proxied),
    upgrade: webSocketServer(proxied),
    ...(p.processes
      ? {
          exec: execServer(p.pods, p.processes),
          attach: attachServer(p.pods, p.processes),
          portforward: portForwardServer(p.pods, p.processes),
        }
      : {}),
  };
}
