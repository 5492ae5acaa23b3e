// Columns and cell texts that many kinds share, as upstream's printers write them.

import type { PodTemplateSpec } from '../generated/schemas/core-v1.ts';
import type { KubeObject, LabelSelector } from '../machinery/meta.ts';
import type { Column } from '../machinery/resource.ts';
import { selectorFromObject, selectorText } from '../machinery/selectors.ts';

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  cell: (object) => object.metadata.name,
};

/** As tables have it of every kind. */
const creationDescription =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: creationDescription,
  cell: (object) => ({ since: object.metadata.creationTimestamp }),
};

/** The instant itself, of the few kinds whose table has no age. */
export const createdAtColumn: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  description: creationDescription,
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
    { name: 'Containers', type: 'string', priority, cell: (object) => join(object, 'name') },
    { name: 'Images', type: 'string', priority, cell: (object) => join(object, 'image') },
  ];
}

/** The wide columns of whatever carries a pod template and selects by labels. */
export function templateColumns<
  T extends KubeObject & { spec?: { template?: PodTemplateSpec; selector?: LabelSelector } },
>(): Column<T>[] {
  return [
    ...containerColumns<T>(1, (object) => object.spec?.template),
    { name: 'Selector', type: 'string', priority: 1, cell: (object) => formatSelector(object.spec?.selector) },
  ];
}
