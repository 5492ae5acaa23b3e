// Streams between a client and a node: what the control plane offers an agent, and the messages of those streams that are
// framed. Both halves are WebSockets that meet in a rendezvous, where the runtime joins them and nobody reads along.
//
// The agent answers an offer in one of two ways, with the credential of its node:
//
//   GET  /tiffin.dev/v1/nodes/NODE/streams/ID    WebSocket: its half of the stream; the client's is answered with 101 now
//   POST /tiffin.dev/v1/nodes/NODE/streams/ID    {"status": Status}: it refuses, and this is what the client gets
//
// Of offers with a `protocol` the client is a WebSocket itself: messages pass as they are, the client's protocol is spoken by
// the agent, and a reader that stops stops the writer through every hop's own flow control. Of the others (`log` and `http`
// without one) the client speaks HTTP to the gateway, which speaks to the agent in the messages below.
import * as z from 'zod/mini';

const pod = { namespace: z.string(), pod: z.string(), podUid: z.string() };
/** Also `SPDY/3.1+portforward.k8s.io`: frames of SPDY/3.1 in binary messages. */
const channels = { protocol: z.string() };
const standardStreams = { stdin: z.boolean(), stdout: z.boolean(), stderr: z.boolean(), tty: z.boolean() };

export const logOffer = z.object({
  id: z.string(),
  kind: z.literal('log'),
  ...pod,
  container: z.string(),
  /** The request's query parameters, checked: follow, previous, tailLines, sinceSeconds, sinceTime, timestamps, limitBytes, stream. */
  options: z.record(z.string(), z.string()),
  /** Goes on after what was sent before this cursor. */
  cursor: z.optional(z.string()),
  /** The client is a WebSocket: its bytes are messages, as `base64.binary.k8s.io` says or as they are. */
  protocol: z.optional(z.string()),
});
export type LogOffer = z.infer<typeof logOffer>;

export const execOffer = z.object({
  id: z.string(),
  kind: z.literal('exec'),
  ...pod,
  container: z.string(),
  command: z.array(z.string()),
  ...standardStreams,
  ...channels,
});
export type ExecOffer = z.infer<typeof execOffer>;

export const attachOffer = z.object({
  id: z.string(),
  kind: z.literal('attach'),
  ...pod,
  container: z.string(),
  ...standardStreams,
  ...channels,
});
export type AttachOffer = z.infer<typeof attachOffer>;

export const portForwardOffer = z.object({
  id: z.string(),
  kind: z.literal('portforward'),
  ...pod,
  /** Of the query, for protocols that name them there; empty for SPDY. */
  ports: z.array(z.number()),
  ...channels,
});
export type PortForwardOffer = z.infer<typeof portForwardOffer>;

/** A request to a pod, to an address that a Service names, or to what a kubelet would serve of the node itself. */
export const httpOffer = z.object({
  id: z.string(),
  kind: z.literal('http'),
  target: z.discriminatedUnion('type', [
    z.object({ type: z.literal('pod'), ...pod, port: z.number() }),
    z.object({ type: z.literal('address'), address: z.string(), port: z.number() }),
    z.object({ type: z.literal('node') }),
  ]),
  scheme: z.enum(['http', 'https']),
  method: z.string(),
  /** With its query. */
  path: z.string(),
  /** End-to-end headers, names in lower case, without those that say who the client is to the API server. */
  headers: z.array(z.tuple([z.string(), z.string()])),
  /** Whether a body follows. */
  body: z.boolean(),
  /** The client upgrades to a WebSocket: the protocols that it offers, joined by `, `, possibly none. Messages pass as they are. */
  protocol: z.optional(z.string()),
  /** What redirects of the target within itself are prefixed with: the path of the proxy, without a trailing slash. */
  prefix: z.string(),
});
export type HttpOffer = z.infer<typeof httpOffer>;

/** A client wants a stream. */
export const streamOffer = z.discriminatedUnion('kind', [
  logOffer,
  execOffer,
  attachOffer,
  portForwardOffer,
  httpOffer,
]);
export type StreamOffer = z.infer<typeof streamOffer>;

/** How the API server hands an authorised stream to the gateway. */
export interface StreamTarget {
  node: string;
  offer: StreamOffer;
}

/** Streams of one node at once; its agent refuses more. */
export const streamsMax = 500;

/**
 * Text messages of framed streams; binary ones are bytes of the body that the sender sends: the response's by the agent, the
 * request's by the gateway. Exactly one key is there.
 */
export const streamMessage = z.union([
  /** From the agent, once, before anything else. */
  z.object({ head: z.object({ status: z.number(), headers: z.array(z.tuple([z.string(), z.string()])) }) }),
  /** The sender's body is complete. A socket that closes before was cut. */
  z.object({ end: z.object({}) }),
  /** The sender cannot go on. */
  z.object({ status: z.record(z.string(), z.unknown()) }),
  /** The receiver has taken so much more: so much more may be sent. Both sides begin with streamWindowBytes. */
  z.object({ credit: z.number().check(z.nonnegative()) }),
  /** From the agent: where a stream goes on after the bytes so far, see LogOffer. */
  z.object({ cursor: z.string() }),
]);
export type StreamMessage = z.infer<typeof streamMessage>;

export const streamWindowBytes = 1024 * 1024;
/** Of one message. */
export const streamChunkBytesMax = 256 * 1024;
/** Each binary message costs its sender this much credit beside its bytes, so that many small ones are bounded, too. */
export const streamMessageCost = 256;

/** An agent that takes a stream says in this header of its request which protocol the client is answered with. */
export const protocolHeader = 'tiffin-stream-protocol';
/** `{"status": Status}`: an agent refuses an offer. */
export const streamRefusal = z.object({ status: z.record(z.string(), z.unknown()) });
/** Of a client's message; larger ones end the stream. */
export const clientMessageBytesMax = 4 * 1024 * 1024;
