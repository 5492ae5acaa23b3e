// Files into a container: packed here while they are sent, unpacked by tar there. A cut one is not gone on with, since nobody
// knows how much the other side has written; what it has of the last file is asked.
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from '../errors.ts';
import { formatBytes } from '../progress.ts';
import { ask, type Exec, headroom, type Outcome, Refused } from './exec.ts';
import { inWords } from './file-errors.ts';
import { type Copied, count, Interrupted, type Job, missingTar, Notes, runIn, wordsOf } from './job.ts';
import { absolute, byteName, nameBytes, nameText, splitPath } from './names.ts';
import { measure, type PackedEntry, pack } from './pack.ts';

const pieceBytes = 256 << 10;
const askMs = 5000;
/** Tar that cannot write goes on reading all the same. */
const diskFull = /No space left on device|Disk quota exceeded/;

interface Target {
  /** Where tar works, and what the source is called below it. */
  parent: string;
  as: string;
}

export async function upload(job: Job): Promise<Copied> {
  const { progress } = job;
  const source = sourceOf(job.local);
  const { bytes } = measure(source.path);
  progress.total = bytes;
  const target = await targetOf(job, source);
  const problems = new Notes(progress, '');
  const flags = job.preserve ? ['-x'] : ['--no-same-permissions', '-o', '-m', '-x'];
  const exec = await runIn(job, ['tar', ...flags, '-f', '-', '-C', target.parent], true);
  const sent: Sent = { files: 0, last: undefined };
  try {
    // Nothing is expected, but what comes has to be taken.
    const output = (async () => {
      for await (const _ of exec.output());
    })();
    await send(job, exec, source.path, target.as, problems.add, sent);
    // Tar would go on reading for as long as there is something.
    const { stderr } = exec;
    if (diskFull.test(stderr)) throw await told(job, target, sent, { exitCode: undefined, message: '', stderr });
    exec.endInput();
    progress.detail = 'for the container to finish';
    const outcome = await exec.outcome;
    await output;
    if (outcome.exitCode !== 0) throw await told(job, target, sent, outcome);
    if (outcome.stderr.trim() !== '') progress.note(`tar in the container: ${wordsOf(outcome)}`);
    return { files: sent.files, problems: problems.total };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw await told(job, target, sent, new Error(inWords(error)));
  } finally {
    exec.close();
  }
}

interface Sent {
  files: number;
  /** Entirely or not. */
  last: PackedEntry | undefined;
}

async function send(job: Job, exec: Exec, source: string, as: string, warn: (message: string) => void, sent: Sent) {
  for await (const { piece, dataBytes, entry, complete } of pack({ source, as, pieceBytes, headroom, warn })) {
    // The top of what exists already keeps what it has.
    if (entry?.name === './') continue;
    if (exec.ended || diskFull.test(exec.stderr)) return;
    await exec.write(piece);
    job.progress.add(dataBytes);
    if (!entry) continue;
    if (entry !== sent.last) {
      sent.last = entry;
      job.progress.detail = nameText(entry.name);
    }
    if (complete && entry.type === 'file') sent.files++;
  }
}

/** What became of an upload that failed. */
async function told(job: Job, target: Target, sent: Sent, why: Outcome | Error): Promise<CliError> {
  const outcome = why instanceof Error ? undefined : why;
  const missing = outcome && missingTar(job, outcome);
  if (missing) return missing;
  const words = job.signal.aborted ? 'interrupted' : outcome ? wordsOf(outcome) : (why as Error).message;
  const amount = `sent ${formatBytes(job.progress.bytes)} of ${formatBytes(job.progress.total ?? 0)}, ${count(sent.files, 'whole file')}`;
  return new Interrupted(`${words}; ${amount}${await there(job, target, sent.last)}`);
}

/** What the container has of the file that was being sent. */
async function there(job: Job, { parent }: Target, last: PackedEntry | undefined): Promise<string> {
  if (last?.type !== 'file') return '';
  const name = nameText(last.name);
  try {
    const command = ['ls', '-dln', '--', `${parent === '/' ? '' : parent}/${name}`];
    const { exitCode, text } = await ask(job.cluster, { ...job, command }, AbortSignal.timeout(askMs));
    const size = exitCode === 0 ? Number(/^-\S+ +\d+ +\d+ +\d+ +(\d+) /.exec(text)?.[1]) : Number.NaN;
    if (!Number.isInteger(size)) return `; of ${name} nothing is in the container`;
    if (size >= last.size) return `; ${name} was the last, and is all there`;
    return `; ${name} is incomplete in the container: ${formatBytes(size)} of ${formatBytes(last.size)}`;
  } catch (error) {
    const why = error instanceof Refused ? error.message : 'the container does not answer';
    return `; what arrived of ${name} is not known: ${why}`;
  }
}

interface Source {
  /** Byte path. */
  path: string;
  /** Byte name; '.' for a folder that is named by its contents. */
  base: string;
  folder: boolean;
}

function sourceOf(local: string): Source {
  const { base, folder } = splitPath(local);
  let at = absolute(local);
  try {
    // As everywhere, a slash at the end of a symbolic link means what it leads to.
    if (folder) at = byteName(fs.realpathSync(path.resolve(local)));
    return { path: at, base: byteName(base), folder: fs.lstatSync(nameBytes(at)).isDirectory() };
  } catch (error) {
    throw new CliError(`${local}: ${inWords(error)}`);
  }
}

/** As kubectl cp: into a folder that exists under the source's own name, else it becomes what the destination says. */
async function targetOf(job: Job, source: Source): Promise<Target> {
  const { parent, base, folder } = splitPath(job.remote);
  const { exitCode } = await ask(job.cluster, { ...job, command: ['test', '-d', job.remote] }, job.signal);
  if (exitCode === 0) return { parent: job.remote.startsWith('-') ? `./${job.remote}` : job.remote, as: source.base };
  if (base === '.') throw new CliError(`${job.pod}:${job.remote}: there is no such folder`);
  const as = byteName(base);
  // A slash at the end means a folder to put it into, where that makes a difference.
  return { parent, as: folder && !source.folder ? `${as}/${source.base}` : as };
}
