// Columns and cell texts that many kinds share, as upstream's printers write them.

import type { PodTemplateSpec } from '../generated/schemas/core-v1.ts';
import type { KubeObject, LabelSelector } from '../machinery/meta.ts';
import type { Column } from '../machinery/resource.ts';
import { selectorFromObject, selectorText } from '../machinery/selectors.ts';

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  doc: 'meta.v1.ObjectMeta.name',
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  doc: 'meta.v1.ObjectMeta.creationTimestamp',
  cell: (object) => ({ since: object.metadata.creationTimestamp }),
};

/** The instant itself, of the few kinds whose table has no age. */
export const createdAtColumn: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  doc: 'meta.v1.ObjectMeta.creationTimestamp',
  cell: (object) => object.metadata.creationTimestamp,
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

/** The names and the images of an object's containers. */
export function containerColumns<T extends KubeObject>(
  priority: 0 | 1,
  template: (object: T) => PodTemplateSpec | undefined,
): Column<T>[] {
  const join = (object: T, field: 'name' | 'image'): string =>
    (template(object)?.spec?.containers ?? []).map((container) => container[field] ?? '').join(',');
  return [
    {
      name: 'Containers',
      type: 'string',
      priority,
      description: 'Names of each container in the template.',
      cell: (object) => join(object, 'name'),
    },
    {
      name: 'Images',
      type: 'string',
      priority,
      description: 'Images referenced by each container in the template.',
      cell: (object) => join(object, 'image'),
    },
  ];
}

/** The wide columns of whatever carries a pod template and selects by labels; `selectorDoc`: that of the last one. */
export function templateColumns<
  T extends KubeObject & { spec?: { template?: PodTemplateSpec; selector?: LabelSelector } },
>(selectorDoc: string): Column<T>[] {
  return [
    ...containerColumns<T>(1, (object) => object.spec?.template),
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      doc: selectorDoc,
      cell: (object) => formatSelector(object.spec?.selector),
    },
  ];
}
