// One command at a time may change a state directory. A lock whose holder is gone is taken over.
import fs from 'node:fs';
import { CliError } from './errors.ts';
import { alive, sleep } from './processes.ts';

/** Waits up to `waitMs` for the holder to finish. Returns the release function; also released when the process ends. */
export async function takeLock(file: string, waitMs = 0): Promise<() => void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    try {
      fs.writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number.parseInt(fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '', 10);
    // An empty file is one that is being written; if it stays empty its writer died.
    if ((Number.isInteger(holder) && !isTiffin(holder)) || (!Number.isInteger(holder) && ageMs(file) > 1000)) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (performance.now() > deadline) {
      throw new CliError(
        `another tiffin command (pid ${holder}) is at work on this state directory; wait for it, or end it`,
      );
    }
    await sleep(50);
  }
  const release = () => fs.rmSync(file, { force: true });
  process.once('exit', release);
  // An interrupted command ends through 'exit', so that it releases too; once released, signals mean what they meant before.
  const interrupted = () => process.exit(130);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupted);
  return () => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, interrupted);
    process.off('exit', release);
    release();
  };
}

function isTiffin(pid: number): boolean {
  if (!alive(pid)) return false;
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.ts') || pid === process.pid;
  } catch {
    return false;
  }
}

function ageMs(file: string): number {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat ? Date.now() - stat.mtimeMs : 0;
}
