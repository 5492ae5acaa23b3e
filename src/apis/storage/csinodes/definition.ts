// storage.k8s.io/v1 CSINode: what drivers registered on a node. Of a driver that stays, only its limits may change.

import { csiNodes } from '../../../generated/schemas/index.ts';
import type { CSINode, CSINodeDriver } from '../../../generated/schemas/storage-v1.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual, repeats } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { validateDriverName } from '../validation.ts';

const nodeIdBytesMax = 256;

function validateDriver(problems: Problems, at: string, driver: CSINodeDriver): void {
  validateDriverName(problems, `${at}.name`, driver.name);
  const id = driver.nodeID ?? '';
  if (id === '') problems.required(`${at}.nodeID`);
  if (new TextEncoder().encode(id).length > nodeIdBytesMax)
    problems.invalid(`${at}.nodeID`, id, `must be ${nodeIdBytesMax} characters or less`);
  problems.nonNegative(`${at}.allocatable.count`, driver.allocatable?.count);
}

function validateTopologyKeys(problems: Problems, at: string, keys: readonly string[]): void {
  const repeated = repeats(keys);
  keys.forEach((key, i) => {
    if (key === '') problems.required(at);
    if (repeated[i]) problems.duplicate(at, key);
    problems.invalidAll(at, key, isQualifiedName(key));
  });
}

function validate(object: CSINode): FieldError[] {
  const problems = new Problems();
  const drivers = object.spec?.drivers ?? [];
  const repeated = repeats(drivers.map(({ name }) => name));
  drivers.forEach((driver, i) => {
    const at = `spec.drivers[${i}]`;
    validateDriver(problems, at, driver);
    if (repeated[i]) problems.duplicate(`${at}.name`, driver.name ?? '');
    validateTopologyKeys(problems, at, driver.topologyKeys ?? []);
  });
  return problems.list;
}

/** As upstream shows it. */
const driverForm = 'Name:name=s NodeID:nodeID=s TopologyKeys:topologyKeys=p Allocatable:allocatable{Count:count=p}';
const withoutLimits = ({ allocatable: _, ...driver }: CSINodeDriver) => driver;

export default defineResource<CSINode>({
  ...csiNodes,
  singular: 'csinode',
  schema: 'io.k8s.api.storage.v1.CSINode',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    allowUnconditionalUpdate: false,
    returnDeletedObject: true,
    validate,
    validateUpdate(object, old) {
      const problems = new Problems();
      // Upstream validates twice, and lists each problem as often.
      problems.addAll(validate(object));
      for (const before of old.spec?.drivers ?? [])
        for (const after of object.spec?.drivers ?? [])
          if (before.name === after.name && !deepEqual(withoutLimits(after), withoutLimits(before)))
            problems.invalid('spec.drivers', goFormOf(driverForm, withoutLimits(after)), fieldImmutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Drivers',
      type: 'integer',
      description: 'Drivers indicates the number of CSI drivers registered on the node',
      cell: (object) => object.spec?.drivers?.length ?? 0,
    },
    ageColumn,
  ],
});
