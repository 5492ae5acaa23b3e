// Checks of paths that users name in volumes and mounts.

import type { Problems } from '../../problems.ts';

/** No `..` among its parts. */
export function validateNoBacksteps(problems: Problems, field: string, path: string): void {
  if (path.split('/').includes('..')) problems.invalid(field, path, "must not contain '..'");
}

/** Relative, without a part `..`. */
export function validateDescendingPath(problems: Problems, field: string, path: string): void {
  if (path.startsWith('/')) problems.invalid(field, path, 'must be a relative path');
  validateNoBacksteps(problems, field, path);
}

/** As {@link validateDescendingPath}, and not beginning with `..`, which the atomic writer keeps for itself. */
export function validateNonReservedPath(problems: Problems, field: string, path: string): void {
  validateDescendingPath(problems, field, path);
  if (path.startsWith('..') && path !== '..' && !path.startsWith('../'))
    problems.invalid(field, path, "must not start with '..'");
}
