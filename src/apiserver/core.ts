// What every part of the API server shares: the ports, the ledger, the registry of kinds. One value per server, built in
// server.ts; nothing here acts.
import type { Ledger, ReadView, WriteView } from '../ledger/types.ts';
import type { StrategyContext } from '../machinery/resource.ts';
import type { Clock, ClusterConfig, Log, Random } from '../ports/index.ts';
import type { AdmissionChain } from './admission/chain.ts';
import type { Codec } from './codec.ts';
import type { Registry } from './registry.ts';
import type { ManagedTypes } from './rest/managed.ts';
import { findObject, hasTag } from './storage/read.ts';

/** Who a request comes from (authentication/v1 UserInfo). */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** What is worth knowing of the credential, as annotations of audit events; no client ever sees it. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** When nodes were last heard (milliseconds since the epoch). It never touches the ledger. */
export interface NodeContacts {
  /** As far as is known here; undefined: not at all. */
  lastContact(node: string): number | undefined;
  /** Looks what is known elsewhere. Never rejects. */
  refresh(nodes: readonly string[]): Promise<void>;
}

export interface Core {
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly codec: Codec;
  readonly managed: ManagedTypes;
  readonly clock: Clock;
  readonly random: Random;
  readonly config: ClusterConfig;
  readonly log: Log;
  readonly admission: AdmissionChain;
  /** Absent: nothing is filled in at reads. */
  readonly contacts?: NodeContacts;
}

export function strategyContext(
  core: Core,
  view: ReadView | WriteView,
  user: User,
  operation: StrategyContext['operation'],
  subresource: string,
  requested: StrategyContext['requested'],
): StrategyContext {
  return {
    clock: core.clock,
    random: core.random,
    config: core.config,
    operation,
    subresource,
    requested,
    user,
    get: (token, namespace, name) => findObject(core.registry.require(token), view, namespace, name),
    tagged: (token, tag) => hasTag(core.registry.require(token), view, tag),
  };
}

/** RFC 3339 with whole seconds, as metadata has it. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
