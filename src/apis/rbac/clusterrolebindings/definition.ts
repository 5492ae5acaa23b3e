// rbac.authorization.k8s.io/v1 ClusterRoleBinding. What it binds to never changes; whom, may.

import { clusterRoleBindings } from '../../../generated/schemas/index.ts';
import type { ClusterRoleBinding } from '../../../generated/schemas/rbac-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { clusterRoleBindingBootstrap } from '../bootstrap.ts';
import { clusterRoleBindingColumns } from '../columns.ts';
import { authorizeBinding } from '../escalation.ts';
import { defaultBinding, validateBinding, validateBindingUpdate, validateName } from '../validation.ts';

export default defineResource<ClusterRoleBinding>({
  ...clusterRoleBindings,
  singular: 'clusterrolebinding',
  schema: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  strategy: {
    generation: false,
    revalidatesMetadata: true,
    allowCreateOnUpdate: true,
    validateName,
    authorize: authorizeBinding,
    defaults: defaultBinding,
    validate: (binding) => validateBinding(binding, false),
    validateUpdate: (binding, old) => validateBindingUpdate(binding, old, false),
  },
  bootstrap: clusterRoleBindingBootstrap,
  columns: clusterRoleBindingColumns,
});
