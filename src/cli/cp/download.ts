// Files out of a container: tar there, unpacked here while it comes. After a cut it goes on where that is safe (see source.ts);
// otherwise, and when what is there has changed meanwhile, it begins anew.
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from '../errors.ts';
import { formatBytes } from '../progress.ts';
import { inWords } from './file-errors.ts';
import { type Copied, count, Interrupted, type Job, missingTar, Notes, runIn, wordsOf } from './job.ts';
import { absolute, byteName, nameText, splitPath } from './names.ts';
import { archive, Changed, Failed } from './source.ts';
import { Unpacker } from './unpack.ts';

/** How often a download that cannot go on begins anew. */
const freshStartsMax = 3;

export async function download(job: Job): Promise<Copied> {
  for (let start = 1; ; start++) {
    try {
      return await once(job);
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
      if (start > Math.min(freshStartsMax, Math.abs(job.retries))) throw new CliError(`given up: ${error.message}`);
      job.progress.note(`${error.message}: beginning anew`);
      job.progress.add(-job.progress.bytes);
    }
  }
}

async function once(job: Job): Promise<Copied> {
  const { progress, signal } = job;
  const { parent, base } = splitPath(job.remote);
  const skipped = new Notes(progress, 'left out: ');
  const refused = new Notes(progress, 'refused: ');
  const unpacker = new Unpacker({
    ...destinationOf(job.local, byteName(base)),
    base: byteName(base),
    preserve: job.preserve,
    umask: process.umask(),
    skipped: skipped.add,
    refused: refused.add,
    arrived: (bytes) => {
      progress.add(bytes);
      // Of a folder nobody knows how much there is.
      const { current, entries } = unpacker;
      progress.total = entries === 1 ? current?.size : undefined;
      progress.detail = entries === 1 ? '' : (current?.name ?? '');
    },
  });
  const chunks = archive({
    run: (command) => runIn(job, command, false),
    command: ['tar', '-c', '-f', '-', '-C', parent, `./${base}`],
    retries: job.retries,
    position: () => unpacker.position,
    retrying: (why, attempt) => progress.note(`${why}; going on (attempt ${attempt})`),
    signal,
  });
  let failure: Failed | undefined;
  try {
    try {
      for await (const chunk of chunks) await unpacker.write(chunk);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      failure = error;
    }
    await unpacker.end();
  } catch (error) {
    if (error instanceof Changed) {
      await unpacker.abandon(false);
      throw error;
    }
    throw await told(job, unpacker, failure ?? error);
  }
  const missing = failure && missingTar(job, failure.outcome);
  if (missing) throw missing;
  if (failure && unpacker.entries === 0) throw new CliError(`${job.pod}:${job.remote}: ${wordsOf(failure.outcome)}`);
  if (unpacker.entries === 0) throw new CliError(`${job.pod}:${job.remote}: tar sent nothing`);
  if (unpacker.files === 0 && unpacker.entries === 1 && skipped.total === 1)
    throw new CliError(`${job.pod}:${job.remote} is a symbolic link: name what it leads to, or add /. for a folder`);
  if (failure) progress.note(`tar in the container: ${wordsOf(failure.outcome)}`);
  return { files: unpacker.files, problems: refused.total + (failure ? 1 : 0) };
}

/** What became of a download that ended before it was whole. */
async function told(job: Job, unpacker: Unpacker, error: unknown): Promise<CliError> {
  const { current, files } = unpacker;
  const left = await unpacker.abandon(true);
  const missing = error instanceof Failed ? missingTar(job, error.outcome) : undefined;
  if (missing) return missing;
  const why = job.signal.aborted
    ? 'interrupted'
    : error instanceof Failed
      ? wordsOf(error.outcome)
      : inWords(error).split('\n')[0];
  if (unpacker.entries === 0 && error instanceof CliError) return error;
  if (unpacker.entries === 0) return new Interrupted(`${why}; nothing arrived`);
  // What did not reach the disk did not arrive.
  const lost = current ? current.written - (left?.size ?? 0) : 0;
  const partly = current
    ? `; ${current.name} is incomplete: ${formatBytes(left?.size ?? 0)} of ${formatBytes(current.size)}${left ? `, kept as ${left.name}` : ''}`
    : '';
  return new Interrupted(
    `${why}; ${formatBytes(job.progress.bytes - lost)} arrived, ${count(files, 'file')} ${files === 1 ? 'is' : 'are'} complete${partly}`,
  );
}

/**
 * Where a folder, and where a single file, goes. As with kubectl cp the contents of a folder go into a folder that exists; a
 * file goes into one under its own name. The name on the command line may lead through symbolic links: those are the caller's.
 */
function destinationOf(local: string, base: string): { folder: string; file: string; began(): void } {
  const at = path.resolve(local);
  const stat = fs.statSync(at, { throwIfNoEntry: false });
  const asFolder = /\/\.{0,2}$|^\.{1,2}$/.test(local);
  if (stat?.isDirectory() || (!stat && asFolder)) {
    const folder = stat ? byteName(fs.realpathSync(at)) : absolute(local);
    return {
      folder,
      file: `${folder === '/' ? '' : folder}/${base}`,
      began: () => makeFolder(stat ? at : asFolder ? at : path.dirname(at)),
    };
  }
  if (stat && !stat.isFile()) throw new CliError(`${local} is no regular file`);
  if (fs.lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new CliError(`${local} is a symbolic link: name what it leads to`);
  const target = absolute(local);
  return { folder: target, file: target, began: () => makeFolder(path.dirname(at)) };
}

function makeFolder(at: string): void {
  try {
    fs.mkdirSync(at, { recursive: true });
  } catch (error) {
    throw new CliError(`cannot make ${nameText(byteName(at))}: ${inWords(error)}`);
  }
}
