// Frames of SPDY/3.1 and their blocks of headers, as bytes. Data is not gathered: what has come of a frame is passed on, so that its
// size does not matter; other frames are bounded. No meaning: what a frame does to a stream is the session's (spdy.ts).
//
// Each block of headers is a piece of one zlib stream per direction, flushed to a whole byte. Received ones are inflated one by
// one, with the last 32 KiB before them as the dictionary. Sent ones are stored, uncompressed: they are a few bytes here.
import zlib from 'node:zlib';

export type Headers = ReadonlyMap<string, string>;

export type ControlFrame =
  | { type: 'synStream'; id: number; fin: boolean; unidirectional: boolean; headers: Headers }
  | { type: 'synReply'; id: number; fin: boolean; headers: Headers }
  | { type: 'rstStream'; id: number; status: number }
  | { type: 'settings'; initialWindow: number | undefined }
  | { type: 'ping'; id: number }
  | { type: 'goAway'; lastId: number; status: number }
  | { type: 'headers'; id: number; fin: boolean; headers: Headers }
  | { type: 'windowUpdate'; id: number; delta: number };

/** `fin` only with the last piece of a frame. */
export interface DataPiece {
  type: 'data';
  id: number;
  fin: boolean;
  data: Uint8Array;
}

export type Frame = ControlFrame | DataPiece;

/** What was received is no SPDY/3.1. */
export class SpdyError extends Error {}

export const rstStatus = { refusedStream: 3, cancel: 5 } as const;
export const goAwayStatus = { ok: 0, protocolError: 1 } as const;

const types = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;
const initialWindowSetting = 7;
const finFlag = 1;
const unidirectionalFlag = 2;
const controlBytesMax = 16 * 1024;
const headerBytesMax = 64 * 1024;
export const headBytes = 8;

const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin';
const rest =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

/** What both sides have of the zlib stream before it begins. */
export const dictionary: Buffer = Buffer.concat([
  ...words.split(' ').map((word) => sized(word.replace('_', ' '))),
  Buffer.from(rest),
]);

function sized(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

const windowBytes = 32 * 1024;

/** One direction's received blocks. */
export class HeaderReader {
  #before: Buffer = dictionary;
  #begun = false;

  read(block: Buffer): Headers {
    const text = this.#inflate(block);
    this.#before = Buffer.concat([this.#before, text]).subarray(-windowBytes);
    return this.#parse(text);
  }

  #inflate(block: Buffer): Buffer {
    let raw = block;
    if (!this.#begun) {
      // Method, flags, and perhaps which dictionary it is.
      if (block.length < 2 || (block[0]! & 0x0f) !== 8 || block.readUInt16BE(0) % 31 !== 0)
        throw new SpdyError('the headers are not compressed');
      raw = block.subarray(block[1]! & 0x20 ? 6 : 2);
      this.#begun = true;
    }
    try {
      return zlib.inflateRawSync(raw, {
        dictionary: this.#before,
        finishFlush: zlib.constants.Z_SYNC_FLUSH,
        maxOutputLength: headerBytesMax,
      });
    } catch (error) {
      throw new SpdyError(`headers: ${error instanceof Error ? error.message : error}`);
    }
  }

  #parse(text: Buffer): Headers {
    const headers = new Map<string, string>();
    let at = 0;
    const take = (length: number): Buffer => {
      if (length > text.length - at) throw new SpdyError('headers end too early');
      at += length;
      return text.subarray(at - length, at);
    };
    const string = (): string => take(take(4).readUInt32BE()).toString('latin1');
    for (let left = take(4).readUInt32BE(); left > 0; left--) {
      const name = string().toLowerCase();
      if (name === '' || headers.has(name)) throw new SpdyError('a header without a name, or twice');
      headers.set(name, string());
    }
    return headers;
  }
}

/** One direction's sent blocks. */
export class HeaderWriter {
  #begun = false;

  write(headers: Headers): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(headers.size);
    const text = Buffer.concat([count, ...[...headers].flatMap(([name, value]) => [sized(name), sized(value)])]);
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(text.length, 1);
    stored.writeUInt16LE(text.length ^ 0xffff, 3);
    const begin = this.#begun ? [] : [Buffer.from([0x78, 0x01])];
    this.#begun = true;
    // An empty block at the end is what a flush is: receivers wait for it.
    return Buffer.concat([...begin, stored, text, Buffer.from([0, 0, 0, 0xff, 0xff])]);
  }
}

export class FrameReader {
  readonly #headers = new HeaderReader();
  #gathered = Buffer.allocUnsafe(headBytes);
  #have = 0;
  #need = headBytes;
  #data: { id: number; fin: boolean; left: number } | undefined;

  /** The frames that end within this piece, and what it has of others' data, which shares its memory. Throws SpdyErrors. */
  *read(piece: Uint8Array): Generator<Frame> {
    let at = 0;
    while (at < piece.length) {
      const data = this.#data;
      if (data) {
        const part = piece.subarray(at, at + data.left);
        at += part.length;
        data.left -= part.length;
        if (data.left === 0) this.#data = undefined;
        yield { type: 'data', id: data.id, fin: data.fin && data.left === 0, data: part };
        continue;
      }
      const part = piece.subarray(at, at + this.#need - this.#have);
      this.#gathered.set(part, this.#have);
      this.#have += part.length;
      at += part.length;
      if (this.#have < this.#need) return;
      const frame = this.#have === headBytes ? this.#head() : this.#control();
      if (frame) yield frame;
    }
  }

  #head(): Frame | undefined {
    const head = this.#gathered;
    const length = head.readUInt32BE(4) & 0xff_ffff;
    if (head[0]! & 0x80) {
      if (head.readUInt16BE(0) !== 0x8003) throw new SpdyError('not version 3');
      if (length < 4 || length > controlBytesMax) throw new SpdyError(`a control frame of ${length} bytes`);
      this.#need = headBytes + length;
      this.#gathered = Buffer.allocUnsafe(this.#need);
      head.copy(this.#gathered, 0, 0, headBytes);
      return undefined;
    }
    this.#have = 0;
    const id = head.readUInt32BE(0);
    const fin = (head[4]! & finFlag) !== 0;
    if (length === 0) return { type: 'data', id, fin, data: head.subarray(0, 0) };
    this.#data = { id, fin, left: length };
    return undefined;
  }

  #control(): ControlFrame {
    const frame = this.#gathered;
    this.#have = 0;
    this.#need = headBytes;
    const body = frame.subarray(headBytes);
    this.#gathered = Buffer.allocUnsafe(headBytes);
    const number = (at: number): number => {
      if (body.length < at + 4) throw new SpdyError('a control frame ends too early');
      return body.readUInt32BE(at);
    };
    const id = number(0) & 0x7fff_ffff;
    const flags = frame[4]!;
    const fin = (flags & finFlag) !== 0;
    const headers = (from: number): Headers => this.#headers.read(body.subarray(from));
    switch (frame.readUInt16BE(2)) {
      case types.synStream:
        return { type: 'synStream', id, fin, unidirectional: (flags & unidirectionalFlag) !== 0, headers: headers(10) };
      case types.synReply:
        return { type: 'synReply', id, fin, headers: headers(4) };
      case types.rstStream:
        return { type: 'rstStream', id, status: number(4) };
      case types.settings: {
        let initialWindow: number | undefined;
        for (let i = 0; i < number(0); i++)
          if ((number(4 + 8 * i) & 0xff_ffff) === initialWindowSetting) initialWindow = number(8 + 8 * i) & 0x7fff_ffff;
        return { type: 'settings', initialWindow };
      }
      case types.ping:
        return { type: 'ping', id: number(0) };
      case types.goAway:
        return { type: 'goAway', lastId: id, status: number(4) };
      case types.headers:
        return { type: 'headers', id, fin, headers: headers(4) };
      case types.windowUpdate:
        return { type: 'windowUpdate', id, delta: number(4) & 0x7fff_ffff };
      default:
        throw new SpdyError('an unknown frame');
    }
  }
}

function control(type: number, flags: number, ...body: (number | Buffer)[]): Buffer {
  const length = body.reduce<number>((sum, part) => sum + (typeof part === 'number' ? 4 : part.length), 0);
  const frame = Buffer.allocUnsafe(headBytes + length);
  frame.writeUInt16BE(0x8003, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  let at = headBytes;
  for (const part of body) {
    if (typeof part === 'number') at = frame.writeUInt32BE(part, at);
    else at += part.copy(frame, at);
  }
  return frame;
}

/** Frames to be sent; those with headers have to be sent in the order in which they were made. */
export class FrameWriter {
  readonly #headers = new HeaderWriter();

  synStream = (id: number, headers: Headers): Buffer =>
    control(types.synStream, 0, id, 0, Buffer.alloc(2), this.#headers.write(headers));
  synReply = (id: number, headers: Headers): Buffer => control(types.synReply, 0, id, this.#headers.write(headers));
  rstStream = (id: number, status: number): Buffer => control(types.rstStream, 0, id, status);
  initialWindow = (bytes: number): Buffer => control(types.settings, 0, 1, initialWindowSetting, bytes);
  ping = (id: number): Buffer => control(types.ping, 0, id);
  goAway = (lastId: number, status: number): Buffer => control(types.goAway, 0, lastId, status);
  windowUpdate = (id: number, delta: number): Buffer => control(types.windowUpdate, 0, id, delta);

  /** `memory`: which it is put into, so that it is good until the next one. */
  data(
    id: number,
    fin: boolean,
    data: Uint8Array,
    memory: Buffer = Buffer.allocUnsafe(headBytes + data.length),
  ): Buffer {
    const frame = memory.subarray(0, headBytes + data.length);
    frame.writeUInt32BE(id, 0);
    frame.writeUInt32BE((((fin ? finFlag : 0) << 24) | data.length) >>> 0, 4);
    frame.set(data, headBytes);
    return frame;
  }
}
