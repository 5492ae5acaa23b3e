// What a node's agent is made of: the outside world as ports, which a real node, a simulated one and a test bring each their own.
import type { Fetch, Log, Random, Timers } from '../src/ports/index.ts';
import type { AgentConfig } from './config.ts';
import type { ControlPlane } from './link/api.ts';
import type { StateFiles } from './link/store.ts';
import type { NodeNetwork } from './network/types.ts';
import type { Machine } from './node-status.ts';
import type { Gate } from './pods/context.ts';
import type { Prober } from './probes/probe.ts';
import type { Cgroups } from './resources/cgroups.ts';
import type { Runtime } from './runtime.ts';
import type { Dialer } from './streams/dial.ts';
import type { Processes } from './streams/processes.ts';
import type { CounterReader } from './usage/counters.ts';
import type { Volumes } from './volumes/manager.ts';

export interface AgentParts {
  config: AgentConfig;
  nodeName: string;
  /** Of this node alone. */
  stateDir: string;
  /** Snapshot and identity; default: files in stateDir. */
  files?: StateFiles;
  runtime: Runtime;
  /** `undefined` uses stateDir; '' writes no logs. */
  logsDirectory?: string;
  volumes: Volumes;
  cgroups: Cgroups;
  counters: CounterReader;
  prober: Prober;
  network(sign: (csr: string) => ReturnType<ControlPlane['certificate']>): NodeNetwork;
  machine(): Promise<Machine>;
  hostDns: { servers: string[]; searches: string[]; options: string[] };
  fetch: Fetch;
  dial(credential: () => string): Dialer;
  /** What can be run and reached in containers; absent: nothing. */
  processes?: Processes;
  timers: Timers;
  random: Random;
  log: Log;
  gate: Gate;
}
