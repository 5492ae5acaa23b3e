// Answers: JSON or YAML text, a Status for every error, warnings as headers.
import { stringify } from 'yaml';
import { type ApiError, type Status, toStatus } from '../../machinery/errors.ts';
import type { AcceptForm } from './accept.ts';

/** `text` is JSON; it is turned into YAML when that was asked for. */
export function textResponse(
  text: string,
  options: {
    code?: number;
    encoding?: AcceptForm['encoding'];
    warnings?: readonly string[];
    headers?: Record<string, string>;
  } = {},
): Response {
  const headers = new Headers({ 'Cache-Control': 'no-cache, private', ...options.headers });
  for (const warning of options.warnings ?? []) addWarning(headers, warning);
  const yaml = options.encoding === 'yaml';
  headers.set('Content-Type', yaml ? 'application/yaml' : 'application/json');
  return new Response(yaml ? stringify(JSON.parse(text), { version: '1.1', aliasDuplicateObjects: false }) : text, {
    status: options.code ?? 200,
    headers,
  });
}

export function statusResponse(error: ApiError, warnings: readonly string[] = []): Response {
  const status = toStatus(error);
  // Upstream leaves an empty name out.
  if (status.details?.name === '') status.details = { ...status.details, name: undefined };
  const headers: Record<string, string> = {};
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined) headers['Retry-After'] = String(retry);
  return textResponse(JSON.stringify(status), { code: status.code, headers, warnings });
}

/** The Status that says a deletion is done. */
export function successStatus(details: Status['details']): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: details ?? {}, code: 200 };
}

/** What upstream answers for a path that it does not serve. */
export function pageNotFound(): Response {
  return new Response('404 page not found\n', {
    status: 404,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
  });
}

const warningBytesMax = 4096;

/** RFC 7234 with upstream's agent `-`; text that cannot be put in a header is left out. */
function addWarning(headers: Headers, warning: string): void {
  const text = warning
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[\r\n]+/g, ' ');
  const value = `299 - "${text.length > warningBytesMax ? text.slice(0, warningBytesMax) : text}"`;
  if (/^[\x20-\x7e]*$/.test(value)) headers.append('Warning', value);
}

/** What an ETag is made of: SHA-256 in upper-case hexadecimal. */
export async function hashOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}
