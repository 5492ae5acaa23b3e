// What serves a stream sees of it: the offer, and the agent's half once it is accepted. How that half is dialled, and what is
// between it and the client, is the business of dial.ts.
import type { Status } from '../../src/machinery/errors.ts';
import type { StreamOffer } from '../../src/protocol/streams.ts';

export interface Message {
  data: Uint8Array;
  text: boolean;
}

/** The agent's half of a stream whose client speaks a protocol of its own. */
export interface ClientSocket {
  /** Of the two halves one is gone. */
  readonly signal: AbortSignal;
  /** Resolves when it was sent, however long the client takes, and its memory may be used again; false: the socket is gone. */
  send(data: Uint8Array | string): Promise<boolean>;
  /** What the client sends, in order, as fast as it is taken; ends with the socket. To be called once. */
  messages(): AsyncIterable<Message>;
  /** How the client closed, once the socket is gone; undefined: it did not, or did not say. */
  readonly closedBy?: { code: number; reason: string } | undefined;
  /** The code as WebSocket has it. Idempotent. */
  close(code?: number, reason?: string): void;
}

/** The agent's half of a stream whose client speaks HTTP. */
export interface BodySocket {
  readonly signal: AbortSignal;
  /** Bytes of the response's body; as {@link ClientSocket.send}. */
  send(data: Uint8Array): Promise<boolean>;
  /** Where the stream would go on after what was sent so far. */
  cursor(cursor: string): void;
  /** The response is complete, or cannot be. Idempotent. */
  end(status?: Status): void;
}

/** An offer that may still be refused: by throwing an ApiError, of which the client gets the Status. */
export interface Offered<O extends StreamOffer> {
  offer: O;
  /** The client went away. */
  signal: AbortSignal;
}

export interface SocketOffered<O extends StreamOffer> extends Offered<O> {
  /** `protocol`: what the client is answered with as its subprotocol, where the offer leaves the choice. Throws where nobody waits any more. */
  accept(protocol?: string): Promise<ClientSocket>;
}

export interface BodyOffered<O extends StreamOffer> extends Offered<O> {
  /**
   * The request's body; ends where the client's does, throws where it breaks off. To be called once, before `accept` or after it: a
   * response's head may depend on it. Reading it dials; until `accept` the offer may be refused all the same.
   */
  body(): AsyncIterable<Uint8Array>;
  accept(head: { status: number; headers: [string, string][] }): Promise<BodySocket>;
}

/** Resolves when the stream is over, and leaves nothing open. */
export type ServeSocket<O extends StreamOffer> = (stream: SocketOffered<O>) => Promise<void>;
export type ServeBody<O extends StreamOffer> = (stream: BodyOffered<O>) => Promise<void>;
