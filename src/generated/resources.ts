// Written by `npm run gen`; do not edit.
// All served resource types, in discovery order of their folders.
import coreConfigmaps from '../apis/core/configmaps/definition.ts';
import coreNamespaces from '../apis/core/namespaces/definition.ts';
import coreNodes from '../apis/core/nodes/definition.ts';
import coreSecrets from '../apis/core/secrets/definition.ts';
import coreServiceaccounts from '../apis/core/serviceaccounts/definition.ts';
import type { AnyResource } from '../machinery/resource.ts';

export const resources: readonly AnyResource[] = [
  coreConfigmaps,
  coreNamespaces,
  coreNodes,
  coreSecrets,
  coreServiceaccounts,
];
