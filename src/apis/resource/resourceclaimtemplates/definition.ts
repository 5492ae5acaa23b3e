// resource.k8s.io/v1 ResourceClaimTemplate. It never changes.
import type { Namespace } from '../../../generated/schemas/core-v1.ts';
import { namespaces, resourceClaimTemplates } from '../../../generated/schemas/index.ts';
import type { ResourceClaimTemplate } from '../../../generated/schemas/resource-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual, validateAnnotations, validateLabels } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { defaultClaim, validateAdminAccess, validateClaim } from '../claims.ts';

export default defineResource<ResourceClaimTemplate>({
  ...resourceClaimTemplates,
  singular: 'resourceclaimtemplate',
  schema: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
  strategy: {
    returnDeletedObject: true,
    generation: false,
    defaults: (template) => defaultClaim(template.spec?.spec),
    validate(template, { operation, get }) {
      const problems = new Problems();
      if (operation === 'update') return problems.list;
      const { metadata, spec } = template.spec ?? {};
      const namespace = get<Namespace>(namespaces, undefined, template.metadata.namespace ?? '');
      validateAdminAccess(problems, spec, namespace?.metadata.labels);
      problems.addAll(validateAnnotations(metadata?.annotations, 'spec.metadata.annotations'));
      problems.addAll(validateLabels(metadata?.labels, 'spec.metadata.labels'));
      validateClaim(problems, 'spec.spec', spec);
      return problems.list;
    },
    validateUpdate(template, old) {
      const problems = new Problems();
      if (!deepEqual(template.spec, old.spec)) problems.invalid('spec', template.spec, fieldImmutableMessage);
      return problems.list;
    },
  },
  columns: [nameColumn, ageColumn],
});
