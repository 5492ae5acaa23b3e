// What the components of a state directory use: CPU time and resident memory of each process, without its children.
import fs from 'node:fs';
import path from 'node:path';

export interface Usage {
  name: string;
  cpuMs: number;
  residentMiB: number;
}

const tickMs = 10;

export function usage(stateDir: string): Usage[] {
  const folder = path.join(stateDir, 'pids');
  return fs
    .readdirSync(folder)
    .flatMap((file) => processUsage(file.replace(/\.pid$/, ''), path.join(folder, file)) ?? []);
}

/** Of the process whose id the file holds; undefined when it is not there. */
export function processUsage(name: string, pidFile: string): Usage | undefined {
  try {
    const [pid = ''] = fs.readFileSync(pidFile, 'utf8').trim().split(/\s/);
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The fields after the command's name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const resident = /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const cpuMs = (Number(fields[11]) + Number(fields[12])) * tickMs;
    return { name, cpuMs, residentMiB: Number(resident) / 1024 };
  } catch {
    return undefined;
  }
}

/** CPU time since `before`; memory as of `after`. */
export function since(before: readonly Usage[], after: readonly Usage[]): Usage[] {
  return after.map((now) => ({ ...now, cpuMs: now.cpuMs - (before.find((b) => b.name === now.name)?.cpuMs ?? 0) }));
}

/** CPU times added; memory of the later one. */
export function sum(a: readonly Usage[], b: readonly Usage[]): Usage[] {
  return b.map((now) => ({ ...now, cpuMs: now.cpuMs + (a.find((x) => x.name === now.name)?.cpuMs ?? 0) }));
}
