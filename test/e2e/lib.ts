// What end-to-end tests are written with: kubectl on the shared cluster, waiting, namespaces of their own, and the processes
// behind containers.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import type { Deployment } from '../../src/generated/schemas/apps-v1.ts';
import type { Node, Pod } from '../../src/generated/schemas/core-v1.ts';

export const root = path.resolve(import.meta.dirname, '../..');
export const stateDir = inject('stateDir');
export const kubeconfig = path.join(stateDir, 'kubeconfig');

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

interface Options {
  input?: string;
  env?: Record<string, string>;
  timeoutMs?: number;
  cwd?: string;
}

/** Runs a program to its end; never throws for its exit code. */
export function run(program: string, args: readonly string[], options: Options = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        maxBuffer: 64 << 20,
        timeout: options.timeoutMs ?? 110_000,
        env: { ...process.env, ...options.env },
        cwd: options.cwd ?? root,
      },
      (error, stdout, stderr) =>
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr }),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** kubectl in any form: the outcome, whatever it is. */
export const tryKubectl = (args: readonly string[], options?: Options): Promise<Outcome> =>
  run(inject('kubectl'), ['--kubeconfig', kubeconfig, ...args], options);

/** kubectl that must succeed; its standard output. `kubectl('get pods -n x')` or with an argument list. */
export async function kubectl(args: string | readonly string[], options?: Options): Promise<string> {
  const list = typeof args === 'string' ? args.split(' ') : args;
  const { code, stdout, stderr } = await tryKubectl(list, options);
  if (code !== 0) throw new Error(`kubectl ${list.join(' ')} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}

export const tiffin = (...args: string[]): Promise<Outcome> =>
  run(path.join(root, 'tiffin'), [...args, '--state-dir', stateDir], { timeoutMs: 240_000 });

export const get = async <T>(args: string): Promise<T> => JSON.parse(await kubectl(`get ${args} -o json`)) as T;
export const items = async <T>(args: string): Promise<T[]> => (await get<{ items: T[] }>(args)).items;

/** A program that goes on; `output` grows. Killed at the end of the test file if not before. */
export function background(
  program: string,
  args: readonly string[],
): { child: ChildProcess; output: () => string; stop(): void } {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const take = (chunk: Buffer) => {
    text += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const stop = () => {
    child.kill('SIGKILL');
  };
  afterwards.push(stop);
  return { child, output: () => text, stop };
}
const afterwards: (() => void)[] = [];

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `check` returns something truthy; the error names what was awaited and what was seen last. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
  everyMs = 100,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const result = await check();
      if (result) return result;
      last = result;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what} (last: ${String(last)})`);
    await sleep(everyMs);
  }
}

export const podReady = (pod: Pod): boolean =>
  !pod.metadata.deletionTimestamp &&
  (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
export const nodeReady = (node: Node): boolean =>
  (node.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
export const rolledOut = (d: Deployment): boolean =>
  d.status.observedGeneration === d.metadata.generation &&
  d.status.updatedReplicas === d.spec.replicas &&
  d.status.availableReplicas === d.spec.replicas &&
  (d.status.replicas ?? 0) === d.spec.replicas;

/** A suite on real containers, in a namespace that is made before and deleted after it. */
export function cluster(name: string, body: (namespace: string) => void): void {
  const namespace = `e2e-${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/-$/, '')}`;
  describe.skipIf(inject('skip') !== '')(name, () => {
    beforeAll(async () => {
      await kubectl(['create', 'namespace', namespace]);
      await until(
        'the default service account',
        async () => (await tryKubectl(['get', 'serviceaccount', 'default', '-n', namespace])).code === 0,
      );
    });
    afterAll(async () => {
      for (const stop of afterwards.splice(0)) stop();
      await tryKubectl(['delete', 'namespace', namespace, '--wait=false']);
    });
    body(namespace);
  });
}

/** Host process id of a container's first process, by its containerd id. */
export function containerPid(containerId: string): number {
  const id = containerId.replace('containerd://', '');
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const cgroup = fs.readFileSync(`/proc/${entry}/cgroup`, 'utf8');
      if (!cgroup.includes(id)) continue;
      if (/^NSpid:.*\t1$/m.test(fs.readFileSync(`/proc/${entry}/status`, 'utf8'))) return Number(entry);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error(`no process of container ${id}`);
}

/** Pids of this cluster's components by name, from DIR/pids: workerd, agent-…, containerd-…, supervisor. */
export function componentPid(name: string): number {
  const file = path.join(stateDir, 'pids', `${name}.pid`);
  return Number(fs.readFileSync(file, 'utf8').trim().split(/\s/)[0]);
}

export function deployment(
  name: string,
  options: {
    replicas?: number;
    image?: string;
    command?: string[];
    extra?: object;
    podExtra?: object;
    strategy?: object;
  } = {},
): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: options.replicas ?? 1,
      selector: { matchLabels: { app: name } },
      ...(options.strategy ? { strategy: options.strategy } : {}),
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name: 'main',
              image: options.image ?? 'tiffin.dev/hello:1',
              ...(options.command ? { command: options.command } : {}),
              ...options.extra,
            },
          ],
          ...options.podExtra,
        },
      },
    },
  });
}

export async function apply(namespace: string, ...objects: string[]): Promise<string> {
  return kubectl(['apply', '-n', namespace, '-f', '-'], { input: objects.join('\n---\n') });
}
