// What pods read of the API, from the agent's own copy: never a request, so that it works away from the control plane.
import type { ConfigMap, Node, Secret, Service } from '../src/generated/schemas/core-v1.ts';

export interface Objects {
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  services(): readonly Service[];
  node(): Node | undefined;
}
