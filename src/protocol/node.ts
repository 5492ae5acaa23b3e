// The messages between a node's agent and the control plane. The agent always dials out, over HTTPS, to
//
//   GET  /tiffin.dev/v1/cluster                     the cluster's CA, by whose key it is known         ClusterAnswer
//   POST /tiffin.dev/v1/join                        a bootstrap token buys a node credential           JoinRequest or sealed
//   POST /tiffin.dev/v1/renew                       the credential's successor                         RenewRequest
//   POST /tiffin.dev/v1/nodes/NODE/sync             long-poll: what has changed for this node          SyncRequest
//   POST /tiffin.dev/v1/nodes/NODE/report           writes: statuses, deletions, events, own Node      ReportRequest
//   POST /tiffin.dev/v1/nodes/NODE/certificate      a serving certificate for the API inside pods      CertificateRequest
//   GET  /tiffin.dev/v1/nodes/NODE/streams/ID       WebSocket: the agent's half of a stream, see streams.ts
//   POST /tiffin.dev/v1/nodes/NODE/streams/ID       its refusal
//
// Both ends may be one version apart: unknown fields are ignored, new ones optional.
import * as z from 'zod/mini';
import { toBase64Url } from '../machinery/bytes.ts';
import type { Random } from '../ports/index.ts';

const object = z.record(z.string(), z.unknown());

/** Tells a node credential from other bearer tokens without a read. */
export const credentialPrefix = 'tiffin-node.';
/** The prefix and 32 random bytes. */
export const credentialForm = /^tiffin-node\.[A-Za-z0-9_-]{43}$/;

export const newCredential = (random: Random): string => credentialPrefix + toBase64Url(random.bytes(32));

/** In the Secret of a bootstrap token: how many nodes may still join with it. */
export const joinsLeftKey = 'joins-left';

export const joinRequest = z.object({
  token: z.string(),
  nodeName: z.string(),
  /** The node's own, made by itself: asking again with the same one is no second join. Absent: the control plane makes one. */
  credential: z.optional(z.string()),
});
export type JoinRequest = z.infer<typeof joinRequest>;

export const clusterAnswer = z.object({ ca: z.string() });

/** A request or an answer that nobody between node and control plane can read (see sealed.ts). */
export const sealedMessage = z.object({ sealed: z.string(), key: z.optional(z.string()) });
export type SealedMessage = z.infer<typeof sealedMessage>;

/** Sent with the credential that it succeeds. */
export const renewRequest = z.object({ credential: z.string() });
export const renewResponse = z.object({ lifetimeMs: z.number() });
export type RenewResponse = z.infer<typeof renewResponse>;

export const clusterInfo = z.object({
  clusterDomain: z.string(),
  podCidr: z.string(),
  serviceCidr: z.string(),
  /** The cluster CA, PEM. */
  ca: z.string(),
  heartbeatMs: z.number(),
  longPoll: z.enum(['always', 'busy']),
});
export type ClusterInfo = z.infer<typeof clusterInfo>;

export const joinResponse = z.object({
  credential: z.string(),
  cluster: clusterInfo,
  /** How long the credential is good. Absent: for ever. */
  lifetimeMs: z.optional(z.number()),
});
export type JoinResponse = z.infer<typeof joinResponse>;

export const syncRequest = z.object({
  /** Ledger revision up to which this agent knows everything; 0 asks for the complete state. */
  since: z.number(),
  /** The control plane's epoch that `since` belongs to; '' at first. Another epoch's cursor means nothing: reset. */
  epoch: z.string(),
  /** Revision up to which Services and endpoints are in effect in the node's packet filter. */
  serviceRevision: z.number(),
  /** How long the answer may be held back while there is nothing to say; 0 is a plain heartbeat. */
  waitMs: z.number(),
  /** New with every start of the agent. */
  session: z.string(),
  /** Ids of offers that have come with answers; each is said until an answer has come to that. Absent: the agent never says. */
  offers: z.optional(z.array(z.string())),
  /** NodeUsage: see usage.ts. Read by itself, so that one of another version spoils nothing. */
  usage: z.optional(z.unknown()),
});
export type SyncRequest = z.infer<typeof syncRequest>;

export const nodeChange = z.object({
  type: z.enum(['put', 'delete']),
  /** `pods`, `services`, `endpointslices.discovery.k8s.io`, `configmaps`, `secrets`, `nodes`, `serviceaccounts`. */
  resource: z.string(),
  namespace: z.optional(z.string()),
  name: z.string(),
  /** Absent for deletes. */
  object: z.optional(object),
});
export type NodeChange = z.infer<typeof nodeChange>;

export const syncResponse = z.object({
  epoch: z.string(),
  /** Everything up to this revision is now known. */
  revision: z.number(),
  /** The changes are the complete state: forget all else. */
  reset: z.boolean(),
  changes: z.array(nodeChange),
  /** StreamOffers: see streams.ts. Repeated until they are acknowledged. Each is read by itself, so that a kind of a later version spoils nothing. */
  streams: z.array(z.unknown()),
  /** Uids of terminating pods that no Ready node sends new connections to any more: SIGTERM may go. */
  drained: z.array(z.string()),
  /** How long to wait before the next sync. 0: at once (long-poll). */
  nextPollMs: z.number(),
});
export type SyncResponse = z.infer<typeof syncResponse>;

/** What a node may write: its own Node and Lease, the status of its pods, their final deletion, events. */
export const nodeWrite = z.discriminatedUnion('type', [
  z.object({ type: z.literal('podStatus'), namespace: z.string(), name: z.string(), uid: z.string(), status: object }),
  z.object({ type: z.literal('podGone'), namespace: z.string(), name: z.string(), uid: z.string() }),
  z.object({ type: z.literal('node'), object }),
  z.object({ type: z.literal('nodeStatus'), status: object }),
  z.object({ type: z.literal('event'), object }),
]);
export type NodeWrite = z.infer<typeof nodeWrite>;

/** Agents send a fraction of it at once. */
export const reportWritesMax = 2000;

export const reportRequest = z.object({
  session: z.string(),
  writes: z.array(nodeWrite).check(z.maxLength(reportWritesMax)),
});
export type ReportRequest = z.infer<typeof reportRequest>;

/** One result per write, in order. `code` as in a Status (200, 404, 409, …); 404 and uid mismatch (409): the pod is gone. */
export const reportResponse = z.object({
  results: z.array(z.object({ code: z.number(), message: z.optional(z.string()) })),
});
export type ReportResponse = z.infer<typeof reportResponse>;

/** PKCS#10 in PEM; names and addresses are decided by the control plane, not by the request. */
export const certificateRequest = z.object({ csr: z.string() });
export const certificateResponse = z.object({ certificate: z.string(), ca: z.string(), notAfter: z.string() });
export type CertificateResponse = z.infer<typeof certificateResponse>;
