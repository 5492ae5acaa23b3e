// What streams do with processes and sandboxes of simulated nodes, put together.
import type { Random, Timers } from '../../src/ports/index.ts';
import type { Processes } from '../streams/processes.ts';
import { SimulatedExecutor } from './execute.ts';
import type { SimulatedRuntime } from './index.ts';

export function simulatedProcesses(runtime: SimulatedRuntime, timers: Timers, random: Random): Processes {
  const executor = new SimulatedExecutor(runtime, timers, random);
  return {
    execute: (containerId, command, streams) => executor.execute(containerId, command, streams),
    attach: () => Promise.reject(new Error('attach is not there yet')),
    dial: () => Promise.reject(new Error('dial is not there yet')),
    stop() {},
  };
}
