// apps/v1 ControllerRevision: what a DaemonSet or StatefulSet looked like at some revision. Its data never changes.

import type { ControllerRevision } from '../../../generated/schemas/apps-v1.ts';
import { controllerRevisions } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { validateImmutable } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';

/** `daemonset.apps/web`. */
function controllerOf(revision: ControllerRevision): string {
  const owner = revision.metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return '<none>';
  const { apiVersion = '' } = owner as Partial<typeof owner>;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : `.${apiVersion.slice(0, slash)}`;
  return `${owner.kind}${group}`.toLowerCase().concat('/', owner.name);
}

export default defineResource<ControllerRevision>({
  ...controllerRevisions,
  singular: 'controllerrevision',
  schema: 'io.k8s.api.apps.v1.ControllerRevision',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    defaults(revision) {
      revision.revision ??= 0;
    },
    validate(revision) {
      const problems = new Problems();
      if (revision.data === undefined || revision.data === null) problems.required('data', 'data is mandatory');
      problems.nonNegative('revision', revision.revision);
      return problems.list;
    },
    validateUpdate: (revision, old) => validateImmutable(revision.data, old.data, 'data'),
  },
  columns: [
    nameColumn,
    { name: 'Controller', type: 'string', description: 'Controller of the object', cell: controllerOf },
    {
      name: 'Revision',
      type: 'string',
      description: 'revision indicates the revision of the state represented by Data.',
      cell: (revision) => revision.revision ?? 0,
    },
    ageColumn,
  ],
});
