// What cp is asked to copy, and the names of files on the way. A name is bytes: inside of cp it is a string of them, one character
// a byte ("byte names"), and becomes a Buffer where the file system or an archive is reached and text where somebody reads it.
import { resolve } from 'node:path';
import { CliError } from '../errors.ts';

/** One side of a copy, as it was typed. */
export type Side =
  | { local: string; pod?: undefined }
  | { local?: undefined; namespace?: string; pod: string; path: string };

export interface Upload {
  kind: 'upload';
  local: string;
  remote: Extract<Side, { pod: string }>;
}
export interface Download {
  kind: 'download';
  local: string;
  remote: Extract<Side, { pod: string }>;
}

/** `[[namespace/]pod:]path`, as kubectl reads it; what begins with `/`, `./` or `../` is local whatever follows. */
export function parseSide(text: string): Side {
  const colon = text.indexOf(':');
  if (colon === -1 || /^\.{0,2}\//.test(text)) {
    if (text === '') throw new CliError('a path cannot be empty');
    return { local: text };
  }
  const parts = text.slice(0, colon).split('/');
  if (parts.length > 2 || parts.includes(''))
    throw new CliError(`${text}: expected [[namespace/]pod:]path (a local path with a colon begins with ./)`);
  const path = text.slice(colon + 1);
  if (path === '') throw new CliError(`${text}: a path cannot be empty`);
  if (path.includes('\0')) throw new CliError('a path holds no zero byte');
  const [first = '', second] = parts;
  return second === undefined ? { pod: first, path } : { namespace: first, pod: second, path };
}

export function parseSides(source: string, destination: string): Upload | Download {
  const [from, to] = [parseSide(source), parseSide(destination)];
  if (from.pod !== undefined && to.pod !== undefined)
    throw new CliError('one side has to be local: a copy from pod to pod takes two steps');
  if (from.pod !== undefined) return { kind: 'download', remote: from, local: to.local! };
  if (to.pod !== undefined) return { kind: 'upload', local: from.local, remote: to };
  throw new CliError('one side has to be in a pod: [namespace/]pod:path');
}

export interface SplitPath {
  /** Where `base` is; never empty, and never to be taken for an option. */
  parent: string;
  /** '.' for a folder that is named by its contents: `.`, `dir/.`, `..`, `/`. */
  base: string;
  /** It ends like a folder: in a slash, `.` or `..`. */
  folder: boolean;
}

/** Takes a path apart, without resolving anything: what `..` leads to depends on symbolic links. */
export function splitPath(path: string): SplitPath {
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  const base = trimmed.slice(slash + 1);
  if (base === '' || base === '.' || base === '..')
    return { parent: noOption(trimmed === '' ? '/' : trimmed), base: '.', folder: true };
  const parent = slash === -1 ? '.' : trimmed.slice(0, slash).replace(/\/+$/, '') || '/';
  return { parent: noOption(parent), base, folder: trimmed !== path };
}

const noOption = (path: string): string => (path.startsWith('-') ? `./${path}` : path);

export const byteName = (text: string): string => Buffer.from(text).toString('latin1');
export const nameBytes = (name: string): Buffer => Buffer.from(name, 'latin1');
/** Byte path of a local path as it was typed. */
export const absolute = (local: string): string => byteName(resolve(local));
/** For somebody to read; not yet printable. */
export const nameText = (name: string): string => nameBytes(name).toString();

/** Linux' own limits: NAME_MAX, PATH_MAX. */
export const nameBytesMax = 255;
const pathBytesMax = 4095;

/**
 * Where in the destination an entry of an archive belongs, as byte names from there on: [] is the destination itself. The
 * archive comes out of a container and may say anything; a string instead says why the entry is refused.
 * `base` is the first segment that all names of this archive have, '.' for none.
 */
export function placeOf(entry: string, base: string): string[] | string {
  if (entry.length > pathBytesMax) return 'its name is too long';
  if (entry.includes('\0')) return 'there is a zero byte in its name';
  if (entry.startsWith('/')) return 'its name begins at the root';
  const segments = entry.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return 'its name leads out of the destination';
  if (segments.some((segment) => segment.length > nameBytesMax)) return 'its name is too long';
  if (base === '.') return segments;
  if (segments[0] !== base) return 'it is none of what was asked for';
  return segments.slice(1);
}
