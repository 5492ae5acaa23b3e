// The status of both kinds: conditions, of which each type is there once.

import type { KubeObject } from '../../machinery/meta.ts';
import type { Subresource } from '../../machinery/resource.ts';
import { Problems } from '../problems.ts';
import { statusSubresource } from '../subresources.ts';

type Conditioned = KubeObject & { status: { conditions?: { type?: string }[] } };

export function validateConditions(problems: Problems, { status }: Conditioned): void {
  const seen = new Set<string>();
  (status?.conditions ?? []).forEach(({ type = '' }, i) => {
    const at = `status.conditions[${i}].type`;
    if (seen.has(type)) problems.duplicate(at, type);
    seen.add(type);
    if (type === '') problems.required(at, 'must not be empty');
  });
}

/** `status`: unlike most kinds' it changes no metadata. */
export const conditionsSubresource = <T extends Conditioned>(): Subresource<T> =>
  statusSubresource<T>({
    prepare(object, old) {
      const { managedFields } = object.metadata;
      object.metadata = { ...old.metadata };
      if (managedFields) object.metadata.managedFields = managedFields;
      else delete object.metadata.managedFields;
    },
    validate(object) {
      const problems = new Problems();
      validateConditions(problems, object);
      return problems.list;
    },
  });
