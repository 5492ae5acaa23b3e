// Errors of the local file system, as cp says them. Knows no other errors.

const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ELOOP: 'a symbolic link is in the way',
  ENOTDIR: 'a file is where a folder should be',
  EISDIR: 'a folder is where a file should be',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system cannot be written',
  EFBIG: 'the file is too large for this file system',
  ENAMETOOLONG: 'the name is too long',
  EEXIST: 'it exists',
  EMFILE: 'too many open files',
};

/** What an error of the file system says, without its path. */
export function inWords(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return words[code] ?? (code === '' ? message : code);
}
