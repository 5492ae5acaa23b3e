// What no audit event shows, whatever its level: bearer tokens. Upstream shows those of reviews and requests of tokens to
// whoever asks for the bodies; whoever reads the log could act with them.
import type { RequestInfo } from '../routing.ts';

const hidden = '<hidden>';

/** Where the bodies of a resource hold a token: its parent, and its field. */
const tokenFields: Readonly<Record<string, readonly [parent: string, field: string]>> = {
  'authentication.k8s.io/tokenreviews': ['spec', 'token'],
  '/serviceaccounts/token': ['status', 'token'],
};

/** Path and query of a URL, as they came. */
export function shownUri(url: string): string {
  const [, uri = ''] = /^[^/?#]*\/\/[^/?#]*([^#]*)/.exec(url) ?? [];
  return uri.replace(/([?&](?:access_)?token=)[^&]*/gi, `$1${hidden}`);
}

/** JSON of a body as an event shows it; undefined: it is no JSON. */
export function shownObject(json: string, info: RequestInfo, omitManagedFields: boolean): string | undefined {
  const { group, resource, subresource } = info;
  const key = `${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`;
  const token = Object.hasOwn(tokenFields, key) ? tokenFields[key] : undefined;
  const managed = omitManagedFields && json.includes('"managedFields"');
  if (!token && !managed) return json.trimEnd();
  let object: Record<string, unknown>;
  try {
    object = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (token) hide(object, token);
  if (managed) for (const one of [object, ...listed(object, 'items'), ...rowsOf(object)]) withoutManagedFields(one);
  return JSON.stringify(object);
}

function hide(object: Record<string, unknown>, [parent, field]: readonly [string, string]): void {
  const holder = object[parent] as Record<string, unknown> | null | undefined;
  if (holder && typeof holder === 'object' && holder[field]) holder[field] = hidden;
}

const listed = (object: Record<string, unknown>, field: string): Record<string, unknown>[] => {
  const list = object[field];
  return Array.isArray(list) ? list.filter((one) => typeof one === 'object' && one !== null) : [];
};

const rowsOf = (object: Record<string, unknown>): Record<string, unknown>[] =>
  listed(object, 'rows').flatMap(({ object: row }) => (typeof row === 'object' && row !== null ? [row as never] : []));

function withoutManagedFields(object: Record<string, unknown>): void {
  const { metadata } = object;
  if (typeof metadata === 'object' && metadata !== null) delete (metadata as Record<string, unknown>).managedFields;
}
