// rbac.authorization.k8s.io/v1 Role.

import { roles } from '../../../generated/schemas/index.ts';
import type { Role } from '../../../generated/schemas/rbac-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { roleBootstrap } from '../bootstrap.ts';
import { roleColumns } from '../columns.ts';
import { authorizeRole } from '../escalation.ts';
import { validateName, validateRules } from '../validation.ts';

export default defineResource<Role>({
  ...roles,
  singular: 'role',
  schema: 'io.k8s.api.rbac.v1.Role',
  strategy: {
    generation: false,
    revalidatesMetadata: true,
    allowCreateOnUpdate: true,
    validateName,
    authorize: authorizeRole,
    validate: (role) => validateRules(role, true),
    // Upstream looks at the whole once more.
    validateUpdate: (role) => validateRules(role, true),
  },
  bootstrap: roleBootstrap,
  columns: roleColumns,
});
