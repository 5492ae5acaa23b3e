// What containerd answers is made up here; pipes are real. Commands on a real containerd: execute.host.test.ts.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RuntimeError } from '../runtime.ts';
import type { ContainerdClient } from './client.ts';
import { Executor } from './execute.ts';

let directory: string;
beforeEach(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'execute-'));
});
// The stock of pipes may still be growing.
afterEach(() => fs.rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }));

const log = { debug() {}, info() {}, warn() {}, error() {} };
const taken = async (): Promise<string[]> => (await fs.readdir(directory)).filter((name) => !name.startsWith('stock.'));
/** Pipes of processes that this one has open. */
async function open(): Promise<string[]> {
  const links = (await fs.readdir('/proc/self/fd')).map((fd) => fs.readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((to) => to.startsWith(directory));
}
async function until(what: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200 && !(await what()); i++) await delay(10);
  expect(await what()).toBe(true);
}

/** `on`: what happens in place of an answer. */
function executor(on: Partial<Record<string, () => Promise<void>>>): { executor: Executor; asked: string[] } {
  const asked: string[] = [];
  const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
  const client = {
    container: async () => ({ container: { spec: { value: Buffer.from('{"process":{}}') } } }),
    async task(method: string) {
      asked.push(method);
      if (method === 'Kill') kill();
      await on[method]?.();
    },
    wait: async () => killed.then(() => 137),
  } as unknown as ContainerdClient;
  const runtime = { containerStatus: async () => ({ state: 'running' }) as never };
  return { executor: new Executor({ client, runtime, directory, log }), asked };
}
const streams = { stdin: true, stdout: true, stderr: true, tty: false };

test('a command that cannot be started leaves nothing', async () => {
  const { executor: on, asked } = executor({
    Start: () => Promise.reject(new RuntimeError('NOT_FOUND', 'no such file')),
  });
  await expect(on.execute('c', ['no'], streams)).rejects.toThrow(/failed to start exec "[0-9a-f]{64}": no such file$/);
  expect([await taken(), await open(), asked]).toEqual([[], [], ['Exec', 'Start', 'DeleteProcess']]);
});

test('a command whose input cannot be opened is killed, and leaves nothing', async () => {
  const { executor: on, asked } = executor({
    Start: async () => {
      for (const name of await taken()) await fs.rm(path.join(directory, name, 'stdin'));
    },
  });
  await expect(on.execute('c', ['cat'], streams)).rejects.toThrow(/failed to open the input of exec .*ENOENT/);
  await until(async () => (await taken()).length === 0);
  expect(asked).toEqual(['Exec', 'Start', 'Kill', 'DeleteProcess']);
  await until(async () => (await open()).length === 0);
});
