// core/v1 ConfigMap.

import type { ConfigMap } from '../../../generated/schemas/core-v1.ts';
import { configMaps } from '../../../generated/schemas/index.ts';
import { isConfigMapKey } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { base64Bytes, dataBytesMax, textBytes } from '../../data.ts';
import { Problems } from '../../problems.ts';

const immutableMessage = 'field is immutable when `immutable` is set';

export default defineResource<ConfigMap>({
  ...configMaps,
  singular: 'configmap',
  shortNames: ['cm'],
  schema: 'io.k8s.api.core.v1.ConfigMap',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    validate(configMap) {
      const problems = new Problems();
      let size = 0;
      for (const [key, value] of Object.entries(configMap.data ?? {})) {
        problems.invalidAll(`data[${key}]`, key, isConfigMapKey(key));
        if (Object.hasOwn(configMap.binaryData ?? {}, key))
          problems.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
        size += textBytes(value);
      }
      for (const [key, value] of Object.entries(configMap.binaryData ?? {})) {
        problems.invalidAll(`binaryData[${key}]`, key, isConfigMapKey(key));
        size += base64Bytes(value);
      }
      // The whole object is meant: upstream gives an empty path.
      if (size > dataBytesMax) problems.tooLong('', dataBytesMax);
      return problems.list;
    },
    validateUpdate(configMap, old) {
      const problems = new Problems();
      if (!old.immutable) return problems.list;
      if (!configMap.immutable) problems.forbidden('immutable', immutableMessage);
      if (!deepEqual(configMap.data, old.data)) problems.forbidden('data', immutableMessage);
      if (!deepEqual(configMap.binaryData, old.binaryData)) problems.forbidden('binaryData', immutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Data',
      type: 'string',
      doc: 'core.v1.ConfigMap.data',
      cell: (configMap) => Object.keys(configMap.data ?? {}).length + Object.keys(configMap.binaryData ?? {}).length,
    },
    ageColumn,
  ],
});
