// core/v1 Namespace. Deletion is held back by spec.finalizers, which only the `finalize` subresource changes; the
// namespace controller clears it once the namespace is empty.

import type { Namespace } from '../../../generated/schemas/core-v1.ts';
import { namespaces } from '../../../generated/schemas/index.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { nameIsDnsLabel } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { keepAllBut, statusSubresource } from '../../subresources.ts';

const nameLabel = 'kubernetes.io/metadata.name';
const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function validateFinalizers(problems: Problems, finalizers: readonly string[] | undefined, indexed: boolean): void {
  (finalizers ?? []).forEach((finalizer, i) => {
    const at = indexed ? `spec.finalizers[${i}]` : 'spec.finalizers';
    problems.invalidAll(at, finalizer, isQualifiedName(finalizer));
    if (!finalizer.includes('/') && !standardFinalizers.has(finalizer))
      problems.invalid(at, finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
  });
}

const label = (namespace: Namespace): void => {
  if (namespace.metadata.name)
    namespace.metadata.labels = { ...namespace.metadata.labels, [nameLabel]: namespace.metadata.name };
};

export default defineResource<Namespace>({
  ...namespaces,
  singular: 'namespace',
  shortNames: ['ns'],
  schema: 'io.k8s.api.core.v1.Namespace',
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    validateName: nameIsDnsLabel,
    defaults(namespace) {
      namespace.spec ??= {};
      namespace.status ??= {};
      namespace.status.phase ||= 'Active';
      label(namespace);
    },
    prepareForCreate(namespace) {
      namespace.status = { phase: 'Active' };
      const finalizers = namespace.spec.finalizers ?? [];
      namespace.spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'];
      // A generated name has come after the defaults.
      label(namespace);
    },
    prepareForUpdate(namespace, old) {
      keepAllBut(namespace, old, []);
      label(namespace);
    },
    validate(namespace) {
      const problems = new Problems();
      validateFinalizers(problems, namespace.spec?.finalizers, false);
      return problems.list;
    },
    finalizers: (namespace) => namespace.spec?.finalizers ?? [],
    prepareForDelete(namespace) {
      namespace.status = { ...namespace.status, phase: 'Terminating' };
    },
    returnDeletedObject: true,
  },
  bootstrap: {
    objects: () => ['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => ({ metadata: { name } })),
  },
  columns: [
    nameColumn,
    {
      name: 'Status',
      type: 'string',
      description: 'The status of the namespace',
      cell: (namespace) => namespace.status?.phase ?? '',
    },
    ageColumn,
  ],
  selectableFields: {
    'status.phase': (namespace) => namespace.status?.phase ?? '',
  },
  subresources: [
    statusSubresource<Namespace>({
      validate(namespace) {
        const deleting = namespace.metadata.deletionTimestamp !== undefined;
        const wanted = deleting ? 'Terminating' : 'Active';
        const problems = new Problems();
        if (namespace.status.phase !== wanted)
          problems.invalid(
            'status.Phase',
            namespace.status.phase ?? '',
            `may only be '${wanted}' if \`deletionTimestamp\` is ${deleting ? 'not ' : ''}empty`,
          );
        return problems.list;
      },
    }),
    {
      name: 'finalize',
      verbs: ['update'],
      behaviour: {
        type: 'part',
        resetFields: ['status'],
        prepareForUpdate(namespace, old) {
          const finalizers = namespace.spec?.finalizers;
          keepAllBut(namespace, old, []);
          namespace.spec = { ...old.spec };
          if (finalizers?.length) namespace.spec.finalizers = finalizers;
          else delete namespace.spec.finalizers;
        },
        validateUpdate(namespace) {
          const problems = new Problems();
          validateFinalizers(problems, namespace.spec?.finalizers, true);
          return problems.list;
        },
      },
    },
  ],
});
