// /logs/: files below the machine's log directory, as Go's http.FileServer lists and serves them. Only regular files and
// directories; no path and no link leads out of the directory. Queries of service logs (NodeLogQuery) are off, as upstream.
import fs from 'node:fs/promises';
import path from 'node:path';
import { type Answer, notFound, type Request, text } from './http.ts';

const types: Record<string, string> = {
  '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
};
const entriesMax = 10_000;

/** `directory`: '' has none. */
export async function systemLogs(directory: string, request: Request): Promise<Answer> {
  const below = request.path.slice('/logs'.length);
  const found = directory === '' ? undefined : await inside(directory, below);
  if (!found) return notFound();
  const handle = await fs
    .open(found, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    .catch(() => undefined);
  const stat = await handle?.stat().catch(() => undefined);
  if (handle && stat?.isFile() && !below.endsWith('/')) return file(handle, found, stat);
  await handle?.close();
  if (!stat) return notFound();
  const name = path.posix.basename(below);
  if (stat.isFile()) return moved(`../${encodeURIComponent(name)}`);
  if (!stat.isDirectory()) return notFound();
  return below.endsWith('/') || below === '' ? list(found) : moved(`${encodeURIComponent(name)}/`);
}

/** The real path of what is named, if that is below the directory. */
async function inside(directory: string, below: string): Promise<string | undefined> {
  if (below.includes('\0')) return undefined;
  const [root, found] = await Promise.all([
    fs.realpath(directory).catch(() => undefined),
    // As a path of a URL: what leads up from its root leads to the root.
    fs.realpath(path.join(directory, path.posix.normalize(`/${below}`))).catch(() => undefined),
  ]);
  if (root === undefined || found === undefined) return undefined;
  return found === root || found.startsWith(root + path.sep) ? found : undefined;
}

const moved = (location: string): Answer => ({ status: 301, headers: [['location', location]], body: '' });

function file(handle: fs.FileHandle, at: string, { size, mtime }: { size: number; mtime: Date }): Answer {
  return {
    status: 200,
    headers: [
      ['content-type', types[path.extname(at)] ?? 'text/plain; charset=utf-8'],
      ['content-length', String(size)],
      ['last-modified', mtime.toUTCString()],
    ],
    body: read(handle, size),
    close: () => handle.close(),
  };
}

/** As much as there was: what is written meanwhile is not part of it. */
async function* read(handle: fs.FileHandle, size: number): AsyncGenerator<Uint8Array> {
  if (size > 0) yield* handle.createReadStream({ end: size - 1, autoClose: false, highWaterMark: 128 * 1024 });
}

async function list(directory: string): Promise<Answer> {
  const entries = await fs.readdir(directory, { withFileTypes: true }).catch(() => []);
  const names = entries.map((e) => (e.isDirectory() ? `${e.name}/` : e.name)).toSorted();
  const lines = names
    .slice(0, entriesMax)
    .map((name) => `<a href="${name.split('/').map(encodeURIComponent).join('/')}">${escaped(name)}</a>\n`);
  return text(
    `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`,
    200,
    'text/html; charset=utf-8',
  );
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };
const escaped = (name: string): string => name.replace(/[&<>"']/g, (c) => entities[c]!);
