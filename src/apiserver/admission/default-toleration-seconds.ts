// Pods stay bound to a node that is not ready or unreachable for a while, unless they say how long.
import type { Pod, Toleration } from '../../generated/schemas/core-v1.ts';
import { pods } from '../../generated/schemas/index.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin } from './chain.ts';

const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  admit({ operation, definition, subresource, object, context }) {
    if (groupResource(definition) !== groupResource(pods) || subresource !== '') return;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return;
    const { spec } = object as Pod;
    const tolerations: Toleration[] = spec.tolerations ?? [];
    for (const key of keys) {
      const tolerated = tolerations.some(
        (toleration) =>
          (toleration.key === key || !toleration.key) && (toleration.effect === 'NoExecute' || !toleration.effect),
      );
      if (tolerated) continue;
      const tolerationSeconds = context.config.defaultTolerationSeconds;
      spec.tolerations = [
        ...(spec.tolerations ?? []),
        { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds },
      ];
    }
  },
};
