// Running other programs to their end.
import { execFile } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CliError } from './errors.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export function tryRun(
  program: string,
  args: readonly string[],
  options: { timeoutMs?: number; env?: NodeJS.ProcessEnv; input?: Readable } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { maxBuffer: 64 * 1024 * 1024, timeout: options.timeoutMs ?? 120_000, env: options.env ?? process.env },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 127) : 0;
        resolve({ code, stdout, stderr: stderr || (error && code === 127 ? error.message : '') });
      },
    );
    // A program that ends before it has read all says why itself.
    if (options.input && child.stdin) pipeline(options.input, child.stdin).catch(() => {});
  });
}

/** As tryRun, but a failure throws with what the program said. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const ran = await tryRun(program, args);
  if (ran.code !== 0)
    throw new CliError(`${program} ${args.join(' ')}: ${(ran.stderr || ran.stdout).trim() || `exit code ${ran.code}`}`);
  return ran.stdout;
}
