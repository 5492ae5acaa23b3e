// The contract of commands on the simulated runtime.
import { describe } from 'vitest';
import { systemRandom, systemTimers } from '../platform.ts';
import { executeContract } from '../streams/processes.contract.ts';
import { startContainer } from '../testing/containers.ts';
import { SimulatedExecutor } from './execute.ts';
import { SimulatedRuntime } from './index.ts';

describe('commands in simulated containers', () => {
  const runtime = new SimulatedRuntime({ timers: systemTimers, random: systemRandom, address: () => '198.18.0.1' });
  executeContract(() => ({
    processes: new SimulatedExecutor(runtime, systemTimers, systemRandom),
    container: async () => (await startContainer(runtime, 'x:1')).id,
    kill: async (id) => runtime.crash(id),
  }));
});
