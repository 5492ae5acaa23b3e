// What the Worker is bound to, and where each part of a cluster lives.
import { type Configuration, readConfiguration } from '../src/configuration/configuration.ts';
import { type ClusterConfig, defaultClusterConfig } from '../src/ports/index.ts';
import type { ApiServerObject } from './api-server/object.ts';
import type { ControllerManagerObject } from './controller-manager/object.ts';
import type { NodeLinkObject } from './node-link/object.ts';
import type { SchedulerObject } from './scheduler/object.ts';

export interface Env {
  API_SERVER: DurableObjectNamespace<ApiServerObject>;
  CONTROLLER_MANAGER: DurableObjectNamespace<ControllerManagerObject>;
  SCHEDULER: DurableObjectNamespace<SchedulerObject>;
  NODE_LINK: DurableObjectNamespace<NodeLinkObject>;
  /** One object for each stream. */
  RENDEZVOUS: DurableObjectNamespace;
  /** Bearer token of the user `admin` in system:masters. */
  ADMIN_TOKEN: string;
  /** PEM. */
  CLUSTER_CA_CERT: string;
  /** PEM, PKCS#8, EC P-256. */
  CLUSTER_CA_KEY: string;
  /** PEM, one or several: the first private key signs service account tokens until rotation has made another, all verify. */
  SERVICE_ACCOUNT_KEY: string;
  /** JSON, `[{"name","secret"}]`: under the first Secrets are stored, the others can still be read with. */
  ENCRYPTION_KEYS?: string;
  /** JSON, Partial<ClusterConfig>. */
  CLUSTER_CONFIG?: string;
  /** JSON: a list of configuration objects, see src/configuration. A secret, since it may hold keys. */
  CONFIGURATION?: string;
  /** Audit events are kept there, where the configuration says so. */
  AUDIT_BUCKET?: R2Bucket;
  /** A folder for audit events; local only. */
  AUDIT_FILES?: Fetcher;
  /** Networks that trust one authority alone, by its place among the configuration's; local only. */
  [outbound: `OUTBOUND_${number}`]: Fetcher | undefined;
}

export function clusterConfig(env: Env): ClusterConfig {
  return { ...defaultClusterConfig, ...(JSON.parse(env.CLUSTER_CONFIG || '{}') as Partial<ClusterConfig>) };
}

/** Throws ConfigurationError. */
export function configuration(env: Env): Configuration {
  return readConfiguration(JSON.parse(env.CONFIGURATION || '[]') as unknown[]);
}

/** One object of each control plane class; a node's link goes by the node's name. */
export const mainObject = 'main';
