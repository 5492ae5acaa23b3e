// Long-running processes that outlive whoever started them. A process is known by the mark in its environment
// (TIFFIN_COMPONENT=DIR/name), which survives exec and cannot be mistaken after its pid is given to someone else; the pid file
// is where to look first. Linux only (/proc). Does not restart anything: see supervisor.ts.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type ListenAddress, type ListeningSocket, listenAll, socketArguments } from './listening.ts';
import type { StatePaths } from './paths.ts';

export interface Component {
  /** `workerd`, `containerd-NODE`, `agent-NODE`, `supervisor`. */
  name: string;
  command: string[];
  env: Record<string, string>;
  /** A running process whose fingerprint differs is an old version and is replaced. */
  fingerprint: string;
  /** Where it listens: it is given the sockets, with `--socket-fd NAME=FD` for each (workerd's own). */
  listens?: ListenAddress[];
}

/** A log above this size is set aside (one generation) when its component is started. */
const logBytesMax = 20 * 1024 * 1024;

const markOf = (paths: StatePaths, name: string) => `TIFFIN_COMPONENT=${paths.dir}/${name}`;
export const pidFile = (paths: StatePaths, name: string) => path.join(paths.pids, `${name}.pid`);
export const logFile = (paths: StatePaths, name: string) => path.join(paths.logs, `${name}.log`);

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** True while the process exists and is not a zombie. */
export function alive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === '') return false;
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state !== 'Z' && state !== 'X';
}

const environmentOf = (pid: number) => read(`/proc/${pid}/environ`).split('\0');

/** containerd's shims inherit its environment, and with it the mark. */
const isShim = (pid: number) =>
  path.basename(read(`/proc/${pid}/cmdline`).split('\0')[0] ?? '').startsWith('containerd-shim');

/** Pid and fingerprint of the running process of a component. */
export function find(paths: StatePaths, name: string): { pid: number; fingerprint: string } | undefined {
  const mark = markOf(paths, name);
  const check = (pid: number) => {
    if (!Number.isInteger(pid) || pid <= 1 || !alive(pid)) return undefined;
    const environment = environmentOf(pid);
    if (!environment.includes(mark) || isShim(pid)) return undefined;
    const fingerprint =
      environment.find((e) => e.startsWith('TIFFIN_FINGERPRINT='))?.slice('TIFFIN_FINGERPRINT='.length) ?? '';
    return { pid, fingerprint };
  };
  const noted = read(pidFile(paths, name));
  if (noted !== '') return check(Number.parseInt(noted, 10));
  // Somebody removed the file: a second one beside it would share its data.
  for (const marked of findAll(paths)) {
    const found = marked.name === name ? check(marked.pid) : undefined;
    if (found) return found;
  }
  return undefined;
}

export interface Marked {
  pid: number;
  name: string;
  shim: boolean;
}

/** Every process that carries the mark of this state directory, whatever the pid files say. */
export function findAll(paths: StatePaths): Marked[] {
  const prefix = `TIFFIN_COMPONENT=${paths.dir}/`;
  const found: Marked[] = [];
  for (const entry of fs.readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const mark = environmentOf(pid).find((e) => e.startsWith(prefix));
    const name = mark?.slice(prefix.length);
    // With a slash it belongs to a state directory inside this one.
    if (name && !name.includes('/') && alive(pid)) found.push({ pid, name, shim: isShim(pid) });
  }
  return found;
}

/**
 * Starts a component in a session of its own, its output appended to its log. The caller has checked that it is not running. Resolves
 * with its pid; 0: it could not be started, which the log says.
 */
export async function start(paths: StatePaths, component: Component, onExit?: (why: string) => void): Promise<number> {
  const log = logFile(paths, component.name);
  fs.mkdirSync(paths.logs, { recursive: true });
  fs.mkdirSync(paths.pids, { recursive: true });
  if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) fs.renameSync(log, `${log}.1`);
  const failed = (error: Error): void => {
    fs.appendFileSync(log, `tiffin: cannot start ${component.name}: ${error.message}\n`);
    onExit?.(error.message);
  };
  const { listens = [] } = component;
  let sockets: ListeningSocket[];
  try {
    sockets = await listenAll(listens);
  } catch (error) {
    failed(error as Error);
    return 0;
  }
  const output = fs.openSync(log, 'a', 0o640);
  const [program = '', ...args] = component.command;
  const child = spawn(program, [...args, ...socketArguments(listens)], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output, ...sockets.map(({ fd }) => fd)],
    env: {
      ...process.env,
      ...component.env,
      TIFFIN_COMPONENT: `${paths.dir}/${component.name}`,
      TIFFIN_FINGERPRINT: component.fingerprint,
    },
  });
  fs.closeSync(output);
  for (const socket of sockets) socket.close();
  child.on('error', failed);
  if (onExit) child.on('exit', (code, signal) => onExit(signal ?? `code ${code}`));
  child.unref();
  if (child.pid === undefined) return 0;
  // By rename: a reader never sees half a number.
  fs.writeFileSync(`${pidFile(paths, component.name)}.new`, `${child.pid}\n`);
  fs.renameSync(`${pidFile(paths, component.name)}.new`, pidFile(paths, component.name));
  return child.pid;
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/**
 * How long a component may take to end. workerd would wait for its long-polls; what it has acknowledged is on disk, so that it
 * may be cut short.
 */
export const graceMsOf = (name: string): number => (name === 'workerd' ? 200 : 5000);

/** Ends a process: SIGTERM, then SIGKILL after `graceMs`. Resolves when it is gone. */
export async function end(pid: number, graceMs: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const deadline = performance.now() + graceMs;
  while (alive(pid)) {
    if (performance.now() > deadline) signal(pid, 'SIGKILL');
    await sleep(10);
  }
}
