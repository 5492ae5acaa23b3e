// The channel protocols of exec, attach and port-forward (apimachinery's wsstream): one WebSocket carries numbered channels, each
// message of which begins with its channel's number. `base64.` protocols write that number as a digit and the rest in base64, in
// text. Only v5 has messages that close a channel. What goes through which channel, and in which direction, is the caller's.
import type { Message } from './types.ts';

/** The channels of exec and attach. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

export const base64Of = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

export type ChannelMessage = { channel: number; data: Uint8Array } | { channel: number; closed: true };

/** The client does not keep to the protocol in a way that ends the connection. */
export class ChannelError extends Error {}

export interface ChannelCodec {
  /** A message of its own memory: `data` may be used again. */
  encode(channel: number, data: Uint8Array): Uint8Array | string;
  /** In the memory of `piece`, where possible: its first byte is free, the others are the data. */
  encodeInPlace(channel: number, piece: Uint8Array): Uint8Array | string;
  /** Undefined for what upstream passes over; `data` shares the message's memory. Throws ChannelErrors. */
  decode(message: Message): ChannelMessage | undefined;
}

const closeSignal = 255;
const zero = 0x30;

function binary(closes: boolean): ChannelCodec {
  return {
    encode(channel, data) {
      const message = Buffer.allocUnsafe(data.byteLength + 1);
      message[0] = channel;
      message.set(data, 1);
      return message;
    },
    encodeInPlace(channel, piece) {
      piece[0] = channel;
      return piece;
    },
    decode({ data }) {
      const channel = data[0];
      if (channel === undefined) return;
      if (!closes || channel !== closeSignal) return { channel, data: data.subarray(1) };
      if (data.byteLength !== 2) throw new ChannelError('one channel follows a close signal');
      return { channel: data[1]!, closed: true };
    },
  };
}

const base64: ChannelCodec = {
  encode: (channel, data) => String.fromCharCode(zero + channel) + base64Of(data),
  encodeInPlace: (channel, piece) => base64.encode(channel, piece.subarray(1)),
  decode({ data: { buffer, byteOffset, byteLength } }) {
    if (byteLength === 0) return;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    const text = bytes.toString('latin1', 1);
    // Node.js would make something of anything.
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return;
    return { channel: (bytes[0]! - zero) & 0xff, data: Buffer.from(text, 'base64') };
  },
};

const [plain, closing] = [binary(false), binary(true)];

/** Of a subprotocol's name, with or without its version; '' is binary. */
export function channelCodec(protocol: string): ChannelCodec {
  if (/\bbase64\./.test(protocol)) return base64;
  return protocol.startsWith('v5.') ? closing : plain;
}
