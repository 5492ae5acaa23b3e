// What went wrong between the agent and a pod, in the words of Go's HTTP client, which users and tools know from upstream.
import { ApiError } from '../../../src/machinery/errors.ts';
import { errnoText } from '../../errno.ts';
import { hostPort } from '../../host-port.ts';
import { headerBytesMax } from './headers.ts';
import type { Target } from './target.ts';

/** A connection that has not been made, or secured, in time. */
export class TimedOut extends Error {
  readonly tls: boolean;
  constructor(tls: boolean) {
    super('timeout');
    this.tls = tls;
  }
}

const broken = 'net/http: HTTP/1.x transport connection broken';

export function problemOf(error: unknown, target: Target): string {
  const { code = '', syscall, message } = error as NodeJS.ErrnoException;
  const at = hostPort(target);
  if (error instanceof TimedOut) return error.tls ? 'net/http: TLS handshake timeout' : `dial tcp ${at}: i/o timeout`;
  if (syscall === 'connect') return `dial tcp ${at}: connect: ${errnoText(code) ?? code}`;
  if (code === 'HPE_HEADER_OVERFLOW')
    return `${broken}: net/http: server response headers exceeded ${headerBytesMax} bytes; aborted`;
  if (code.startsWith('HPE_')) return `${broken}: malformed HTTP response`;
  if (code === 'ECONNRESET')
    return message === 'socket hang up'
      ? 'EOF'
      : message === 'aborted'
        ? 'unexpected EOF'
        : `read tcp ${at}: read: ${errnoText(code)}`;
  if (code === 'EPIPE') return `write tcp ${at}: write: ${errnoText(code)}`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const [, reason = code] = /:SSL routines:[^:]*:([^:]+)/.exec(message) ?? [];
    return `tls: ${/wrong version number|packet length too long/.test(reason) ? 'first record does not look like a TLS handshake' : reason}`;
  }
  return message || code || 'unknown error';
}

export const unreachable = (error: unknown, target: Target): ApiError =>
  new ApiError('ServiceUnavailable', `error trying to reach service: ${problemOf(error, target)}`, undefined, error);

/** `what` it was asked for in vain. */
export const unanswered = (what: string): ApiError =>
  new ApiError('Timeout', `${what}: net/http: timeout awaiting response headers`);

/** An answer other than an upgrade, handed on with its code: who asked for a WebSocket sees nothing else of it. */
export class UpgradeRefused extends ApiError {
  readonly #code: number;
  constructor(code: number, message: string) {
    super('InternalError', message);
    this.#code = code;
  }
  override get code(): number {
    return this.#code;
  }
}
