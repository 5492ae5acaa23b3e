// What the API server's durable object is made of: its runtime, as ports, and what was deployed with it. Types only.
import type { Configuration } from '../../configuration/configuration.ts';
import type { Alarm, Cipher, ClusterConfig, Fetch, Log, Random, Sql, Timers } from '../../ports/index.ts';
import type { CertificateSigner } from '../nodes/certificate.ts';
import type { ApiServerOptions } from '../server.ts';
import type { Peers } from './peers.ts';

export interface ServerObjectOptions {
  sql: Sql;
  alarm: Alarm;
  timers: Timers;
  random: Random;
  config: ClusterConfig;
  configuration?: Configuration;
  log: Log;
  /** Tells this ledger from one that was wiped: cursors of another epoch mean nothing. */
  epoch: string;
  peers: Peers;
  signer: CertificateSigner;
  /** Keeps the runtime from dropping a call that outlives its request. */
  waitUntil(work: Promise<unknown>): void;
  /** See the ledger's options. */
  schedule?: (drain: () => void) => void;
  adminToken?: string;
  serviceAccountKey?: string;
  /** With the keys under which Secrets are stored, and what else is configured; absent: nothing is sealed. */
  encryption?: { cipher: Cipher; keys: string };
  fetch?: Fetch;
  audit?: ApiServerOptions['audit'];
  stream?: ApiServerOptions['stream'];
}
