// The contract of commands on the simulated runtime.
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { systemRandom, systemTimers } from '../platform.ts';
import { executeContract } from '../streams/processes.contract.ts';
import { startContainer } from '../testing/containers.ts';
import { SimulatedExecutor } from './execute.ts';
import { SimulatedRuntime } from './index.ts';
import { simulatedProcesses } from './processes.ts';

describe('commands in simulated containers', () => {
  const runtime = new SimulatedRuntime({ timers: systemTimers, random: systemRandom, address: () => '198.18.0.1' });
  executeContract(() => ({
    processes: new SimulatedExecutor(runtime, systemTimers, systemRandom),
    container: async () => (await startContainer(runtime, 'x:1')).id,
    kill: async (id) => runtime.crash(id),
  }));
});

test('the first process repeats what it reads, until its container ends; the echo port is open', async () => {
  const runtime = new SimulatedRuntime({ timers: systemTimers, random: systemRandom, address: () => '198.18.0.1' });
  const processes = simulatedProcesses(runtime, systemTimers, systemRandom);
  const { id, sandboxId } = await startContainer(runtime, 'x:1');
  const streams = { stdin: true, stdout: true, stderr: false, tty: false };
  const one = await processes.attach(id, streams);
  one.stdin!.end('hello');
  expect(await text(one.stdout!)).toBe('hello');
  await one.ended;
  const [two, three] = [await processes.attach(id, { ...streams, stdin: false }), await processes.attach(id, streams)];
  three.close();
  await three.ended;
  runtime.crash(id);
  expect(await text(two.stdout!)).toBe('');
  await two.ended;
  await expect(processes.attach(id, streams)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  const echo = await processes.dial(sandboxId, 7);
  echo.end('hello');
  expect(await text(echo)).toBe('hello');
  await expect(processes.dial(sandboxId, 80)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await expect(processes.dial('absent', 7)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
