// v1 PodTemplate: a pod template by itself, which nothing in the cluster reads.

import type { PodTemplate } from '../../../generated/schemas/core-v1.ts';
import { podTemplates } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { containerColumns, formatLabels, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { defaultPodTemplate } from '../podspec/defaults.ts';
import { validatePodTemplate } from '../podspec/validation.ts';
import { podTemplateWarnings } from '../podspec/warnings.ts';

export default defineResource<PodTemplate>({
  ...podTemplates,
  singular: 'podtemplate',
  schema: 'io.k8s.api.core.v1.PodTemplate',
  strategy: {
    returnDeletedObject: true,
    defaults(object) {
      object.template ??= {};
      defaultPodTemplate(object.template);
    },
    validate(object) {
      const problems = new Problems();
      validatePodTemplate(problems, 'template', object.template);
      return problems.list;
    },
    warnings: (object, old) =>
      old && object.metadata.generation === old.metadata.generation
        ? []
        : podTemplateWarnings('template', object.template),
  },
  columns: [
    nameColumn,
    ...containerColumns<PodTemplate>(0, (object) => object.template),
    {
      name: 'Pod Labels',
      type: 'string',
      description: 'The labels for the pod template.',
      cell: (object) => formatLabels(object.template?.metadata?.labels),
    },
  ],
});
