// rbac.authorization.k8s.io/v1 ClusterRole.

import { clusterRoles } from '../../../generated/schemas/index.ts';
import type { ClusterRole } from '../../../generated/schemas/rbac-v1.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { clusterRoleBootstrap } from '../bootstrap.ts';
import { roleColumns } from '../columns.ts';
import { authorizeRole } from '../escalation.ts';
import { validateAggregation, validateName, validateRules } from '../validation.ts';

const validate = (role: ClusterRole): FieldError[] => [...validateRules(role, false), ...validateAggregation(role)];

export default defineResource<ClusterRole>({
  ...clusterRoles,
  singular: 'clusterrole',
  schema: 'io.k8s.api.rbac.v1.ClusterRole',
  strategy: {
    generation: false,
    revalidatesMetadata: true,
    allowCreateOnUpdate: true,
    validateName,
    authorize: authorizeRole,
    validate,
    // Upstream looks at the whole once more.
    validateUpdate: validate,
  },
  bootstrap: clusterRoleBootstrap,
  columns: roleColumns,
});
