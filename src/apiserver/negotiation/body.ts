// Reading request bodies: a size limit, the content type, and the text's syntax. What the fields mean is decided by the
// schema (codec.ts).

import { readLimited } from '../../machinery/body.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';

export const bodyBytesMax = 3 * 1024 * 1024;

export const readBody = (request: HttpRequest): Promise<Uint8Array> => readLimited(request, bodyBytesMax);

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

const bodyFormats = new Map<string, BodyFormat>([
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/vnd.kubernetes.protobuf', 'protobuf'],
]);

/** Of a create, update or delete body. Throws UnsupportedMediaType (415). */
export function bodyFormat(contentType: string | null): BodyFormat {
  const format = contentType ? bodyFormats.get(mediaType(contentType) ?? '') : 'json';
  if (format) return format;
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${[...bodyFormats.keys()].join(', ')}`,
  );
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const mediaTypeShape = new RegExp(
  `^\\s*(${token}(?:/${token})?)\\s*(?:;\\s*${token}=(?:${token}|"(?:[^"\\\\]|\\\\.)*")\\s*)*;?\\s*$`,
);

/** A media type without its parameters, which must be well-formed as well. */
const mediaType = (text: string): string | undefined => mediaTypeShape.exec(text)?.[1]?.toLowerCase();

export type PatchFormat = 'json' | 'merge' | 'strategic' | 'apply';

const patchFormats = new Map<string, PatchFormat>([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);

/** Of a patch, letter by letter. Throws UnsupportedMediaType (415) for others, as the router of upstream does. */
export function patchFormat(contentType: string | null): PatchFormat {
  const format = patchFormats.get((contentType ?? '').split(';')[0]?.trim() ?? '');
  if (format) return format;
  throw new ApiError('UnsupportedMediaType', '415: Unsupported Media Type', {});
}
