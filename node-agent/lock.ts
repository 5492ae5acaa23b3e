// One process at a time per state directory. The lock is a file that names its holder (pid, start time, boot): a holder that
// is no longer alive has lost it, however it ended. Not released on purpose: the end of the process does that.
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Takes the lock, or names the pid of the process that has it. */
export function lockDirectory(directory: string): { heldBy?: number } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, 'lock');
  const mine = path.join(directory, `lock.${randomUUID()}`);
  const me = identity(process.pid)!;
  writeFileSync(mine, me);
  try {
    for (;;) {
      if (linked(mine, file)) return {};
      const holder = read(file);
      if (holder === undefined) continue;
      const pid = Number(holder.split(' ')[0]);
      if (holder === me) return {};
      if (identity(pid) === holder) return { heldBy: pid };
      // Moved aside rather than removed: when somebody else was faster, it is theirs and goes back.
      const aside = `${mine}.old`;
      try {
        renameSync(file, aside);
      } catch {
        continue;
      }
      if (read(aside) !== holder) linked(aside, file);
      rmSync(aside);
    }
  } finally {
    rmSync(mine);
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Undefined: there is no such process. A pid is used again, but not with the same start time in the same boot. */
function identity(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z' || state === 'X') return undefined;
  return `${pid} ${fields[18]} ${read('/proc/sys/kernel/random/boot_id')?.trim()}`;
}
