// Objects are created only in namespaces that exist and are not being deleted; the namespaces that the system stands on are
// not deleted at all.
import type { Namespace } from '../../generated/schemas/core-v1.ts';
import { namespaces } from '../../generated/schemas/index.ts';
import { ApiError, errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin } from './chain.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  admit({ operation, definition, namespace, name, subresource, context }) {
    if (groupResource(definition) === 'namespaces') {
      if (operation === 'DELETE' && immortal.has(name))
        throw errors.forbidden(definition, name, 'this namespace may not be deleted');
      return;
    }
    if (!definition.namespaced || operation !== 'CREATE' || subresource !== '') return;
    const found = context.get<Namespace>(namespaces, undefined, namespace);
    if (!found) throw errors.notFound(namespaces, namespace);
    if (found.metadata.deletionTimestamp === undefined && found.status?.phase !== 'Terminating') return;
    const refused = errors.forbidden(
      definition,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
    throw new ApiError('Forbidden', refused.message, {
      ...refused.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    });
  },
};
