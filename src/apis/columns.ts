// Columns and cell texts that many kinds share, as upstream's printers write them.

import type { PodTemplateSpec } from '../generated/schemas/core-v1.ts';
import type { KubeObject, LabelSelector } from '../machinery/meta.ts';
import type { Column } from '../machinery/resource.ts';
import { selectorFromObject, selectorText } from '../machinery/selectors.ts';

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  cell: (object) => ({ since: object.metadata.creationTimestamp }),
};

/** `a=1,b=2`, sorted; `<none>` without any. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  return pairs.length === 0 ? '<none>' : pairs.join(',');
}

export function formatSelector(selector: LabelSelector | undefined): string {
  try {
    return selectorText(selectorFromObject(selector)) || '<none>';
  } catch {
    return '<error>';
  }
}

/** The first three of a list: `a,b,c + 2 more...`. */
export function firstThree(list: readonly string[], whenEmpty: string): string {
  if (list.length === 0) return whenEmpty;
  const shown = list.slice(0, 3).join(',');
  return list.length > 3 ? `${shown} + ${list.length - 3} more...` : shown;
}

/** The wide columns of whatever carries a pod template. */
export function templateColumns<
  T extends KubeObject & { spec?: { template?: PodTemplateSpec; selector?: LabelSelector } },
>(): Column<T>[] {
  const containers = (object: T) => object.spec?.template?.spec?.containers ?? [];
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      cell: (object) =>
        containers(object)
          .map((one) => one.name)
          .join(','),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      cell: (object) =>
        containers(object)
          .map((one) => one.image ?? '')
          .join(','),
    },
    { name: 'Selector', type: 'string', priority: 1, cell: (object) => formatSelector(object.spec?.selector) },
  ];
}
