// A body as messages to a client that is a WebSocket, as upstream has it (k8s.io/apiserver/pkg/util/wsstream): an empty one first,
// then the bytes as they come. What the client says is passed over; its close ends the stream. There is no cursor: where the
// connection is cut the client has to come again.
import type { StreamOffer } from '../../src/protocol/streams.ts';
import { base64Of } from './channels.ts';
import type { BodySocket, ServeBody, ServeSocket } from './types.ts';

/** The one whose messages are text. */
const base64Protocol = 'base64.binary.k8s.io';

export function asMessages<O extends StreamOffer & { protocol?: string | undefined }>(
  serve: ServeBody<O>,
): ServeSocket<O> {
  return ({ offer, signal, accept }) => {
    const encode = (data: Uint8Array): Uint8Array | string =>
      offer.protocol === base64Protocol ? base64Of(data) : data;
    const begin = async (): Promise<BodySocket> => {
      const socket = await accept();
      void (async () => {
        for await (const _ of socket.messages());
      })();
      void socket.send(encode(new Uint8Array()));
      return {
        signal: socket.signal,
        send: (data) => socket.send(encode(data)),
        cursor() {},
        end: (status) => (status ? socket.close(1011, status.message) : socket.close(1000)),
      };
    };
    return serve({ offer, signal, async *body() {}, accept: begin });
  };
}
