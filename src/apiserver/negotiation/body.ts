// Reading request bodies: a size limit, the content type, and the text's syntax. What the fields mean is decided by the
// schema (codec.ts).
import { readLimited } from '../../machinery/body.ts';
import { ApiError } from '../../machinery/errors.ts';

export const bodyBytesMax = 3 * 1024 * 1024;

export const readBody = (request: Request): Promise<Uint8Array> => readLimited(request, bodyBytesMax);

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** Of a create, update or delete body. Throws UnsupportedMediaType (415). */
export function bodyFormat(contentType: string | null): BodyFormat {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === '' || type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  if (type === 'application/vnd.kubernetes.protobuf') return 'protobuf';
  throw new ApiError(
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
}

export type PatchFormat = 'json' | 'merge' | 'strategic' | 'apply';

/** Of a patch. Throws UnsupportedMediaType (415) for others. */
export function patchFormat(contentType: string | null): PatchFormat {
  switch ((contentType ?? '').split(';')[0]?.trim().toLowerCase()) {
    case 'application/json-patch+json':
      return 'json';
    case 'application/merge-patch+json':
      return 'merge';
    case 'application/strategic-merge-patch+json':
      return 'strategic';
    case 'application/apply-patch+yaml':
      return 'apply';
    default:
      throw new ApiError(
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
      );
  }
}
