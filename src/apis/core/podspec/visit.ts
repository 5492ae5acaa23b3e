// Walking the containers of a pod spec with their paths, in upstream's order: init, ordinary, ephemeral ones.

import type { Container, EphemeralContainer, PodSpec } from '../../../generated/schemas/core-v1.ts';

export interface Visited {
  at: string;
  container: Container | EphemeralContainer;
}

export function visitContainers(path: string, spec: PodSpec): Visited[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((kind) =>
    (spec[kind] ?? []).map((container, i) => ({ at: `${path}.${kind}[${i}]`, container })),
  );
}
