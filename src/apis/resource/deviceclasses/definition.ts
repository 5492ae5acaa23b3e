// resource.k8s.io/v1 DeviceClass: a kind of device that claims ask for.
import { deviceClasses } from '../../../generated/schemas/index.ts';
import type { DeviceClass } from '../../../generated/schemas/resource-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { isExtended } from '../../core/podspec/resources.ts';
import { Problems } from '../../problems.ts';
import { configMax, validateSelectors } from '../claims.ts';
import { eachOf, validateConfiguration } from '../names.ts';

export default defineResource<DeviceClass>({
  ...deviceClasses,
  singular: 'deviceclass',
  schema: 'io.k8s.api.resource.v1.DeviceClass',
  strategy: {
    returnDeletedObject: true,
    revalidatesMetadata: true,
    validate({ spec = {} }) {
      const problems = new Problems();
      validateSelectors(problems, 'spec.selectors', spec.selectors);
      eachOf(problems, 'spec.config', spec.config, configMax, (config, at) =>
        validateConfiguration(problems, at, config),
      );
      const name = spec.extendedResourceName;
      if (name !== undefined && !isExtended(name))
        problems.invalid('spec.extendedResourceName', name, 'must be a valid extended resource name');
      return problems.list;
    },
  },
  columns: [nameColumn, ageColumn],
});
