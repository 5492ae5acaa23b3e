// node.k8s.io/v1 RuntimeClass. Its handler never changes.
import type { Toleration } from '../../../generated/schemas/core-v1.ts';
import { runtimeClasses } from '../../../generated/schemas/index.ts';
import type { RuntimeClass } from '../../../generated/schemas/node-v1.ts';
import { isDns1123Label } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { validateLabels } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { validateResources } from '../../core/podspec/resources.ts';
import { validateTolerations } from '../../core/podspec/scheduling.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';

function validateUnique(problems: Problems, path: string, tolerations: readonly Toleration[]): void {
  const seen = new Set<string>();
  tolerations.forEach(({ key = '', operator = '', value = '', effect = '', tolerationSeconds = null }, i) => {
    const identity = { Key: key, Operator: operator, Value: value, Effect: effect };
    const text = JSON.stringify(identity);
    // Shown by the names of its Go fields.
    if (seen.has(text)) problems.duplicate(`${path}[${i}]`, { ...identity, TolerationSeconds: tolerationSeconds });
    seen.add(text);
  });
}

export default defineResource<RuntimeClass>({
  ...runtimeClasses,
  singular: 'runtimeclass',
  schema: 'io.k8s.api.node.v1.RuntimeClass',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    allowUnconditionalUpdate: false,
    validate(runtimeClass) {
      const problems = new Problems();
      const { handler = '', overhead, scheduling } = runtimeClass;
      problems.invalidAll('handler', handler, isDns1123Label(handler));
      if (overhead) {
        const limits = overhead.podFixed ?? {};
        validateResources(problems, 'overhead', { limits }, new Set(), 'container');
      }
      if (scheduling) {
        problems.addAll(validateLabels(scheduling.nodeSelector, 'scheduling.nodeSelector'));
        // Upstream says the field twice.
        validateTolerations(problems, 'scheduling.tolerations.tolerations', scheduling.tolerations);
        validateUnique(problems, 'scheduling.tolerations', scheduling.tolerations ?? []);
      }
      return problems.list;
    },
    validateUpdate(runtimeClass, old) {
      const problems = new Problems();
      if (runtimeClass.handler !== old.handler)
        problems.invalid('handler', runtimeClass.handler, fieldImmutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Handler',
      type: 'string',
      cell: (runtimeClass) => runtimeClass.handler ?? '',
    },
    ageColumn,
  ],
});
