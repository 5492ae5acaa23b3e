// The outside world as arguments: time, randomness, SQL, logging and the network come in through these interfaces, so
// that a whole cluster runs in one process from a seed. Interfaces only; implementations live in workers/adapters,
// node-agent and test/harness.

/** Time. All instants are milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
}

/** A clock that can also wait: what the node agent uses. Durable Objects must not (they use an {@link Alarm}). */
export interface Timers extends Clock {
  /** Runs `callback` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The one alarm of a durable object. */
export interface Alarm {
  /** Arms the alarm for `atMs`, or disarms it. Setting it again replaces the earlier time. */
  set(atMs: number | undefined): void;
}

export interface Random {
  /** A version 4 UUID. */
  uuid(): string;
  /** An integer in [0, exclusiveMax). */
  int(exclusiveMax: number): number;
  bytes(length: number): Uint8Array;
}

/** Bytes are bound as a Uint8Array; what a Durable Object reads is an ArrayBuffer. */
export type SqlBytes = Uint8Array | ArrayBuffer;
export type SqlValue = string | number | null | SqlBytes;

/** A synchronous SQLite database: a Durable Object's own storage, or node:sqlite in memory under test. */
export interface Sql {
  /** Runs one statement and returns all its rows (so keep result sets bounded). */
  exec<Row = Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[];
  /** Runs `work` atomically: if it throws, nothing of it is kept and the error passes on. Not nestable. */
  transaction<T>(work: () => T): T;
}

/** Authenticated encryption: AES-256-GCM with a nonce of 96 random bits for each text. Synchronous, as transactions are. */
export interface Cipher {
  /** 32 random bytes. */
  newKey(): Uint8Array;
  /** `key`: 32 bytes, for at most 2^32 texts. `context` is not in the result, but the same one must be given to {@link open}. */
  seal(key: Uint8Array, text: string, context: string): Uint8Array;
  /** Throws where a byte of it, the key or the context is another. */
  open(key: Uint8Array, sealed: Uint8Array, context: string): string;
  /** 32 bytes by HKDF-SHA-256, others for each purpose. */
  derive(secret: Uint8Array, purpose: string): Uint8Array;
}

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Calls out of the control plane, to what an administrator configured. Rejects where no answer came. */
export type Fetch = (request: Request, options?: FetchOptions) => Promise<Response>;

export interface FetchOptions {
  /** PEM: the server's certificate must come from these authorities and no others; absent: those that browsers trust. */
  certificateAuthority?: string;
}

/** Settings of one cluster, fixed at its start. All of them have defaults in {@link defaultClusterConfig}. */
export interface ClusterConfig {
  /** DNS domain of the cluster. */
  clusterDomain: string;
  /** IPv4 CIDR from which nodes get their pod ranges (a /24 each). */
  podCidr: string;
  /** IPv4 CIDR of Service addresses; its first address is the `kubernetes` Service, its tenth the cluster DNS. */
  serviceCidr: string;
  /** Node port range, inclusive. */
  nodePortMin: number;
  nodePortMax: number;
  /** Silence after which a node is no longer Ready. */
  nodeGraceMs: number;
  /** How often an agent that has nothing to say lets itself be heard; well below nodeGraceMs. */
  nodeHeartbeatMs: number;
  /** How long a node's credential is good for its work; it is renewed in time. */
  nodeCredentialMs: number;
  /** How long it is good to be renewed: for how long a node may be off and come back without a new token. */
  nodeCredentialRenewableMs: number;
  /** Seconds that DefaultTolerationSeconds gives for not-ready and unreachable. */
  defaultTolerationSeconds: number;
  /** How long history stays readable before compaction. */
  historyMs: number;
  /** Above this many bytes of history, the oldest is compacted regardless of age. */
  historyBytesMax: number;
  /** How long an Event object lives. */
  eventTtlMs: number;
  /** Issuer of service account tokens. */
  issuer: string;
  /** Seats of the API server, which priority levels share: how many requests are served at once. */
  requestsInFlightMax: number;
  /** `always`: agents keep a long-poll open (local runs, where it is free). `busy`: only for a while after a change. */
  longPoll: 'always' | 'busy';
}

export const defaultClusterConfig: ClusterConfig = {
  clusterDomain: 'cluster.local',
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  nodePortMin: 30000,
  nodePortMax: 32767,
  nodeGraceMs: 20_000,
  nodeHeartbeatMs: 8_000,
  nodeCredentialMs: 24 * 60 * 60_000,
  nodeCredentialRenewableMs: 30 * 24 * 60 * 60_000,
  defaultTolerationSeconds: 300,
  historyMs: 5 * 60_000,
  historyBytesMax: 256 * 1024 * 1024,
  eventTtlMs: 60 * 60_000,
  issuer: 'https://kubernetes.default.svc.cluster.local',
  requestsInFlightMax: 600,
  longPoll: 'busy',
};
