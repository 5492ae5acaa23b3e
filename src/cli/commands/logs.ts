// `tiffin logs COMPONENT`: prints a log file and, with --follow, what is added to it, through a change of file at a restart.
import fs from 'node:fs';
import { CliError } from '../errors.ts';
import { statePaths } from '../paths.ts';
import { logFile, sleep } from '../processes.ts';

export async function logs(
  component: string | undefined,
  options: { stateDir: string; follow?: boolean; lines?: number },
): Promise<void> {
  const paths = statePaths(options.stateDir);
  const present = fs.existsSync(paths.logs)
    ? fs
        .readdirSync(paths.logs)
        .filter((f) => f.endsWith('.log'))
        .map((f) => f.slice(0, -4))
    : [];
  if (present.length === 0) throw new CliError(`no logs in ${paths.logs}; start a cluster with: tiffin up`);
  if (!component) {
    console.log(present.sort().join('\n'));
    return;
  }
  // `agent` is short for the first node's.
  const name = present.includes(component) ? component : `${component}-node-1`;
  if (!present.includes(name)) throw new CliError(`no component ${component}; there are: ${present.sort().join(' ')}`);
  const file = logFile(paths, name);
  let text: Buffer = fs.readFileSync(file);
  let position = text.length;
  if (options.lines !== undefined) text = lastLines(text, options.lines);
  process.stdout.write(text);
  // The reader closed the pipe (`… | head`).
  process.stdout.on('error', () => process.exit(0));
  while (options.follow) {
    await sleep(200);
    const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size < position) position = 0;
    if (size === position) continue;
    const handle = fs.openSync(file, 'r');
    const bytes = Buffer.alloc(size - position);
    position += fs.readSync(handle, bytes, 0, bytes.length, position);
    fs.closeSync(handle);
    process.stdout.write(bytes);
  }
}

function lastLines(text: Buffer, count: number): Buffer {
  if (count === 0) return Buffer.alloc(0);
  let at = text.length - 1;
  for (let left = count; left > 0 && at > 0; left--) at = text.lastIndexOf(10, at - 1);
  return at <= 0 ? text : text.subarray(at + 1);
}
