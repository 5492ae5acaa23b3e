// Answers: JSON, YAML or protobuf as negotiated, a Status for every error, warnings as headers, gzip for what is long.

import { stringify } from 'yaml';
import { toHex } from '../../machinery/bytes.ts';
import { ApiError, type Status, toStatus } from '../../machinery/errors.ts';
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';
import { type AcceptForm, type Encoding, mediaTypeOf, tryNegotiate } from './accept.ts';
import type { ProtobufAnswers } from './protobuf.ts';
import { warningHeaders } from './warnings.ts';

/** As upstream: answers above this are compressed for clients that take gzip. */
const gzipBytesMin = 128 * 1024;

export interface AnswerOptions {
  code?: number;
  encoding?: Encoding;
  /** JSON over many lines. */
  pretty?: boolean;
  /** Whether the client takes gzip. */
  gzip?: boolean;
  /** Absent: JSON is the answer where protobuf is asked for. */
  protobuf?: ProtobufAnswers;
  warnings?: readonly string[];
  headers?: Record<string, string>;
}

/** What a request and its negotiated form say about the answer. */
export function answering(
  request: HttpRequest,
  accept: Pick<AcceptForm, 'encoding' | 'pretty'>,
  protobuf: ProtobufAnswers | undefined,
): AnswerOptions {
  const { encoding, pretty } = accept;
  return { encoding, pretty, gzip: takesGzip(request), ...(protobuf ? { protobuf } : {}) };
}

/** Keys in order and lists at the depth of their keys, as upstream writes YAML. */
const yamlStyle = { version: '1.1', aliasDuplicateObjects: false, sortMapEntries: true, indentSeq: false } as const;

export const yamlText = (value: unknown): string => stringify(value, yamlStyle);

/** `text` is JSON; it is turned into what was asked for. */
export function textResponse(text: string, options: AnswerOptions = {}): HttpAnswer {
  const answer = encodedResponse(text, options);
  answer.json = text;
  return answer;
}

function encodedResponse(text: string, options: AnswerOptions): HttpAnswer {
  switch (options.encoding) {
    case 'yaml':
      return bodyResponse(yamlText(JSON.parse(text)), 'yaml', options);
    case 'protobuf': {
      const bytes = options.protobuf?.object(JSON.parse(text));
      if (bytes) return bodyResponse(bytes, 'protobuf', options);
    }
  }
  return bodyResponse(options.pretty ? JSON.stringify(JSON.parse(text), null, 2) : `${text}\n`, 'json', options);
}

/** A body that is in its encoding already. */
export function bodyResponse(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  encoding: Encoding,
  options: AnswerOptions,
): HttpAnswer {
  const answer = new HttpAnswer(body, {
    status: options.code ?? 200,
    headers: { 'Cache-Control': 'no-cache, private', 'Content-Type': mediaTypeOf[encoding], ...options.headers },
  });
  for (const warning of warningHeaders(options.warnings ?? [])) answer.addHeader('Warning', warning);
  const stream = body instanceof ReadableStream;
  if (options.gzip && (stream || body.length > gzipBytesMin)) return gzipped(answer);
  // What a stream holds is passed on as it comes.
  return stream ? answer.setHeader('Content-Encoding', 'identity') : answer;
}

export function gzipped({ body, status, headers }: HttpAnswer): HttpAnswer {
  const plain = new Response(body).body as ReadableStream<Uint8Array<ArrayBuffer>>;
  const compressed = plain.pipeThrough(new CompressionStream('gzip'));
  return new HttpAnswer(compressed, { status, headers, encoded: true })
    .setHeader('Content-Encoding', 'gzip')
    .addHeader('Vary', 'Accept-Encoding');
}

export function takesGzip(request: HttpRequest): boolean {
  const header = request.headers.get('accept-encoding') ?? '';
  return header.split(',').some((token) => token.trim() === 'gzip');
}

export function statusResponse(error: ApiError, request?: HttpRequest, protobuf?: ProtobufAnswers): HttpAnswer {
  return wholeStatusResponse(toStatus(error), request, protobuf);
}

/** A Status in the encoding that the client accepts; one that accepts none of them is told why all the same. */
export function wholeStatusResponse(given: Status, request?: HttpRequest, protobuf?: ProtobufAnswers): HttpAnswer {
  // Upstream leaves an empty name out.
  const status = given.details?.name === '' ? { ...given, details: { ...given.details, name: undefined } } : given;
  const headers: Record<string, string> = {};
  const retry = status.details?.retryAfterSeconds;
  if (retry) headers['Retry-After'] = String(retry);
  const form = request && tryNegotiate(request, 'none');
  return textResponse(JSON.stringify(status), {
    code: status.code,
    headers,
    pretty: form?.pretty ?? request !== undefined,
    ...(form ? { encoding: form.encoding } : {}),
    ...(protobuf ? { protobuf } : {}),
  });
}

/** A warning before those that the answer has. */
export function withWarning(answer: HttpAnswer, warning: string): HttpAnswer {
  const others = answer.header('Warning');
  answer.deleteHeader('Warning');
  for (const value of [...warningHeaders([warning]), ...(others === undefined ? [] : [others])])
    answer.addHeader('Warning', value);
  return answer;
}

/** What every answer says of itself. */
export function withCommonHeaders(answer: HttpAnswer, auditId: string, nowMs: number): HttpAnswer {
  if (answer.header('Cache-Control') === undefined) answer.setHeader('Cache-Control', 'no-cache, private');
  return answer
    .setHeader('X-Content-Type-Options', 'nosniff')
    .setHeader('Audit-Id', auditId)
    .setHeader('Date', new Date(nowMs).toUTCString());
}

/** The Status that says a deletion is done. */
export function successStatus(details: Status['details']): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: details ?? {}, code: 200 };
}

/** What upstream's router answers where a path has no such method. */
export function methodNotAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export const plainText = (text: string): HttpAnswer =>
  new HttpAnswer(text, {
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache, private' },
  });

/** What upstream answers for a path that it does not serve. */
export function pageNotFound(): HttpAnswer {
  return new HttpAnswer('404 page not found\n', {
    status: 404,
    headers: {
      'Cache-Control': 'no-cache, private',
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}

/** What an ETag is made of: SHA-512 in upper-case hexadecimal, as upstream. */
export async function hashOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-512', new TextEncoder().encode(text)));
  return toHex(digest).toUpperCase();
}
