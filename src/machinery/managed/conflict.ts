// The refusal of an apply that would change what others own, as upstream words it.
import { ApiError } from '../errors.ts';
import type { Manager } from './entries.ts';
import { pathsOf, pathText } from './fields.ts';
import type { Conflict } from './write.ts';

export interface OwnedPath {
  readonly manager: Manager;
  readonly path: readonly string[];
}

/** By manager, each with its fields in order. */
export function pathsInConflict(conflicts: readonly Conflict[]): OwnedPath[] {
  return [...conflicts]
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    .flatMap(({ manager, fields }) => pathsOf(fields).map((path) => ({ manager, path })));
}

function managerText({ name, subresource, applied, apiVersion }: Manager): string {
  const named =
    subresource === ''
      ? JSON.stringify(name)
      : `${JSON.stringify(name)} with subresource ${JSON.stringify(subresource)}`;
  return applied ? named : `${named} using ${apiVersion}`;
}

export function conflictError(conflicts: readonly OwnedPath[]): ApiError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: pathText(path),
  }));
  const [only] = conflicts;
  if (only && conflicts.length === 1)
    return new ApiError(
      'Conflict',
      `Apply failed with 1 conflict: conflict with ${managerText(only.manager)}: ${pathText(only.path)}`,
      { causes },
    );
  const lines: string[] = [];
  let shown: Manager | undefined;
  for (const { manager, path } of conflicts) {
    if (manager !== shown) lines.push(`conflicts with ${managerText(manager)}:`);
    shown = manager;
    lines.push(`- ${pathText(path)}`);
  }
  return new ApiError('Conflict', `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`, { causes });
}
