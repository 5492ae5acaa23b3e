// core/v1 ServiceAccount. Its tokens are issued by the API server (`token`), which finds the subresource by name.

import type { ServiceAccount } from '../../../generated/schemas/core-v1.ts';
import { serviceAccounts } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';

export default defineResource<ServiceAccount>({
  ...serviceAccounts,
  singular: 'serviceaccount',
  shortNames: ['sa'],
  schema: 'io.k8s.api.core.v1.ServiceAccount',
  strategy: { generation: false, returnDeletedObject: true, revalidatesMetadata: true },
  columns: [nameColumn, ageColumn],
  subresources: [
    {
      name: 'token',
      verbs: ['create'],
      kind: {
        group: 'authentication.k8s.io',
        version: 'v1',
        kind: 'TokenRequest',
        schema: 'io.k8s.api.authentication.v1.TokenRequest',
      },
      behaviour: { type: 'connect' },
    },
  ],
});
