// How metrics.k8s.io writes what was used, as metrics-server does: cores to the thousand millionth, bytes by powers of 1024, and
// the window that the rate was taken over.
import type { KubeObject } from '../../machinery/meta.ts';
import { formatQuantity, quantityOf } from '../../machinery/quantity.ts';
import type { Column } from '../../machinery/resource.ts';
import { formatDuration, formatTime } from '../../machinery/time.ts';
import type { UsageRate } from '../../machinery/usage.ts';
import { nameColumn } from '../columns.ts';

type Used = Pick<UsageRate, 'cpuNanocores' | 'memoryBytes'>;

/** A ResourceList. */
export const resourceList = ({ cpuNanocores, memoryBytes }: Used): Record<string, string> => ({
  cpu: formatQuantity({ nanos: BigInt(cpuNanocores), format: 'DecimalSI' }),
  memory: formatQuantity(quantityOf(memoryBytes, 'BinarySI')),
});

export const interval = ({ atMs, windowMs }: Pick<UsageRate, 'atMs' | 'windowMs'>) => ({
  timestamp: formatTime(atMs),
  window: formatDuration(windowMs),
});

export function usageColumns<T extends KubeObject & { window: string }>(
  used: (object: T) => Record<string, string>,
): Column<T>[] {
  return [
    { ...nameColumn, description: 'Name of the resource' },
    ...['cpu', 'memory'].map(
      (name): Column<T> => ({ name, type: 'string', format: 'quantity', cell: (object) => used(object)[name] ?? '0' }),
    ),
    { name: 'Window', type: 'string', format: 'duration', cell: ({ window }) => window },
  ];
}
