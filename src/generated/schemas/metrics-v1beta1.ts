// Written by `npm run gen` from the Kubernetes 1.36 API types; see NOTICE. Do not edit.

import type { ObjectMeta } from '../../machinery/meta.ts';

export interface ContainerMetrics {
  name: string;
  usage: Record<string, string>;
}

export interface NodeMetrics {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  timestamp: string;
  window: string;
  usage: Record<string, string>;
}

export interface PodMetrics {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  timestamp: string;
  window: string;
  containers: ContainerMetrics[];
}
