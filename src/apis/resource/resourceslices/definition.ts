// resource.k8s.io/v1 ResourceSlice: devices that a driver offers, on a node or beyond nodes.
import { resourceSlices } from '../../../generated/schemas/index.ts';
import type { ResourceSlice } from '../../../generated/schemas/resource-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { validateSlice } from './validation.ts';

/** What stands behind gates that are closed: lists of values, and resources of the node that a device stands for. */
function dropDisabled(slice: ResourceSlice): void {
  for (const device of slice.spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {}))
      for (const part of ['bools', 'ints', 'strings', 'versions'] as const) delete attribute?.[part];
  }
}

function stampTaints(slice: ResourceSlice, nowMs: number): void {
  for (const device of slice.spec?.devices ?? [])
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(nowMs);
}

export default defineResource<ResourceSlice>({
  ...resourceSlices,
  singular: 'resourceslice',
  schema: 'io.k8s.api.resource.v1.ResourceSlice',
  strategy: {
    returnDeletedObject: true,
    prepareForCreate(slice, { clock }) {
      dropDisabled(slice);
      stampTaints(slice, clock.now());
    },
    prepareForUpdate(slice, _old, { clock }) {
      dropDisabled(slice);
      stampTaints(slice, clock.now());
    },
    validate(slice, { operation }) {
      const problems = new Problems();
      if (operation === 'create') validateSlice(problems, slice, undefined);
      return problems.list;
    },
    validateUpdate(slice, old) {
      const problems = new Problems();
      validateSlice(problems, slice, old);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Node',
      type: 'string',
      doc: 'resource.v1.ResourceSliceSpec.nodeName',
      cell: (slice) => slice.spec?.nodeName ?? '<unset>',
    },
    {
      name: 'Driver',
      type: 'string',
      doc: 'resource.v1.ResourceSliceSpec.driver',
      cell: (slice) => slice.spec?.driver ?? '',
    },
    {
      name: 'Pool',
      type: 'string',
      doc: 'resource.v1.ResourcePool.name',
      cell: (slice) => slice.spec?.pool?.name ?? '',
    },
    ageColumn,
  ],
  fieldRefusal: (label) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${label}`,
  selectableFields: {
    'spec.nodeName': (slice) => slice.spec?.nodeName ?? '',
    'spec.driver': (slice) => slice.spec?.driver ?? '',
  },
});
