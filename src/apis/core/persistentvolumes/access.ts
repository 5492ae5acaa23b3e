// What volumes and claims have in common: access modes, volume modes, the class given by annotation.

import type { KubeObject } from '../../../machinery/meta.ts';
import type { Problems } from '../../problems.ts';

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const accessModes = Object.keys(shortModes).sort();
export const volumeModes = ['Block', 'Filesystem'];
export const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** `RWO,ROX`, in a fixed order. */
export const accessModesText = (modes: readonly string[] | undefined): string =>
  Object.entries(shortModes)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');

export function validateAccessModes(problems: Problems, path: string, modes: readonly string[]): void {
  for (const mode of modes) if (!accessModes.includes(mode)) problems.notSupported(path, mode, accessModes);
  const known = modes.filter((mode) => accessModes.includes(mode));
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod'))
    problems.forbidden(path, 'may not use ReadWriteOncePod with other access modes');
}

export const storageClassOf = (object: KubeObject & { spec?: { storageClassName?: string } }): string =>
  object.metadata.annotations?.[classAnnotation] ?? object.spec?.storageClassName ?? '';

export function classAnnotationWarnings({ metadata }: KubeObject): string[] {
  if (metadata.annotations?.[classAnnotation] === undefined) return [];
  return [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`];
}
