// INTERIM, ends with RBAC: a ServiceAccount whose annotation `tiffin.dev/interim-access` says `view` may get, list and watch
// the namespaced resources of its own namespace, Secrets excepted. Nothing else, nowhere else. Until RBAC is served this is
// the only way in which a pod can read the API; taking the annotation off takes the access away at once.

import type { ServiceAccount } from '../../generated/schemas/core-v1.ts';
import type { ReadView } from '../../ledger/types.ts';
import type { Authorizer } from './authorizer.ts';

export const interimAccessAnnotation = 'tiffin.dev/interim-access';
const verbs = new Set(['get', 'list', 'watch']);

export function interimView(ledger: ReadView): Authorizer {
  return {
    authorize({ user, isResource, verb, namespace, group, resource, subresource }) {
      const [, ownNamespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user.name) ?? [];
      if (!ownNamespace || !name || !isResource || !verbs.has(verb) || namespace !== ownNamespace) return undefined;
      if (group === '' && (resource === 'secrets' || resource === 'namespaces')) return undefined;
      if (subresource !== '' && subresource !== 'status' && subresource !== 'scale' && subresource !== 'log')
        return undefined;
      const entry = ledger.get(`serviceaccounts/${namespace}/${name}`);
      if (!entry) return undefined;
      const { metadata } = JSON.parse(`{${entry.value}`) as ServiceAccount;
      return metadata.annotations?.[interimAccessAnnotation] === 'view'
        ? { allowed: true, reason: 'interim access: view' }
        : undefined;
    },
  };
}
