// The IPAddress object of a Service's cluster address, as upstream's allocator writes it.

import type { IPAddress } from '../../generated/schemas/networking-v1.ts';
import type { New } from '../../machinery/meta.ts';
import { ipFamily } from '../../machinery/names.ts';

export const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
export const allocator = 'ipallocator.k8s.io';

export const addressOf = (ip: string, namespace: string, name: string): New<IPAddress> => ({
  metadata: {
    name: ip,
    labels: { 'ipaddress.kubernetes.io/ip-family': `IPv${ipFamily(ip) ?? 4}`, [managedByLabel]: allocator },
  },
  spec: { parentRef: { group: '', resource: 'services', namespace, name } },
});
