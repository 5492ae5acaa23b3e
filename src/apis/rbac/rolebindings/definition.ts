// rbac.authorization.k8s.io/v1 RoleBinding. What it binds to never changes; whom, may.

import { roleBindings } from '../../../generated/schemas/index.ts';
import type { RoleBinding } from '../../../generated/schemas/rbac-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { roleBindingBootstrap } from '../bootstrap.ts';
import { roleBindingColumns } from '../columns.ts';
import { authorizeBinding } from '../escalation.ts';
import { defaultBinding, validateBinding, validateBindingUpdate, validateName } from '../validation.ts';

export default defineResource<RoleBinding>({
  ...roleBindings,
  singular: 'rolebinding',
  schema: 'io.k8s.api.rbac.v1.RoleBinding',
  strategy: {
    generation: false,
    revalidatesMetadata: true,
    allowCreateOnUpdate: true,
    validateName,
    authorize: authorizeBinding,
    defaults: defaultBinding,
    validate: (binding) => validateBinding(binding, true),
    validateUpdate: (binding, old) => validateBindingUpdate(binding, old, true),
  },
  bootstrap: roleBindingBootstrap,
  columns: roleBindingColumns,
});
