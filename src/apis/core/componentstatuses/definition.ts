// core/v1 ComponentStatus: how the parts of the control plane are, asked when it is read. Nothing is stored. Deprecated; kept
// for `kubectl get componentstatuses` and for clients of old.

import type { ComponentStatus } from '../../../generated/schemas/core-v1.ts';
import { componentStatuses } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { nameColumn } from '../../columns.ts';

/** What upstream calls them: the store is etcd's place. */
const components = ['controller-manager', 'etcd-0', 'scheduler'];

const healthy = (status: ComponentStatus) => status.conditions?.find((condition) => condition.type === 'Healthy');

export default defineResource<ComponentStatus>({
  ...componentStatuses,
  singular: 'componentstatus',
  shortNames: ['cs'],
  schema: 'io.k8s.api.core.v1.ComponentStatus',
  verbs: ['get', 'list'],
  strategy: { generation: false },
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  computed: ({ parts }) =>
    components.map((name) => {
      const problem = Object.hasOwn(parts, name) ? parts[name]?.() : undefined;
      return {
        metadata: { name },
        conditions: [{ type: 'Healthy', status: problem === undefined ? 'True' : 'False', message: problem ?? 'ok' }],
      };
    }),
  columns: [
    nameColumn,
    {
      name: 'Status',
      type: 'string',
      description: 'Status of the component conditions',
      cell(status) {
        const condition = healthy(status);
        return condition ? (condition.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown';
      },
    },
    {
      name: 'Message',
      type: 'string',
      description: 'Message of the component conditions',
      cell: (status) => healthy(status)?.message ?? '',
    },
    {
      name: 'Error',
      type: 'string',
      description: 'Error of the component conditions',
      cell: (status) => healthy(status)?.error ?? '',
    },
  ],
});
