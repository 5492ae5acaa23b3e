// What a request asks for, read off its method and URL alone (upstream's RequestInfo). Decides nothing.

import { parseFieldSelector, parseLabelSelector } from '../machinery/selectors.ts';
import { isPathSegmentName } from '../machinery/validation.ts';

export interface RequestInfo {
  /** Whether it is about an API resource; otherwise only `path` and `verb` (the lower-case method) say anything. */
  isResource: boolean;
  path: string;
  /** get list watch create update patch delete deletecollection; for other paths the lower-case method. */
  verb: string;
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** Path segments after the subresource (proxy paths). */
  rest: string[];
  /** The selectors as they were sent, of the verbs that heed them; not of paths with `/watch/`. */
  fieldSelector: string;
  labelSelector: string;
}

/** A method that is not among them has no verb. */
const verbs = new Map([
  ['POST', 'create'],
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);
const selecting = new Set(['list', 'watch', 'deletecollection']);

const none = {
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  rest: [],
  fieldSelector: '',
  labelSelector: '',
};

/**
 * The path of a request as it was sent, decoded as a whole: a URL would resolve `..`, which is a name like any other here, and a
 * slash that is encoded is a slash. Bytes that are no UTF-8 become U+FFFD. `undefined` where it is not validly percent-encoded.
 */
export function pathOf(url: string): string | undefined {
  const [, path = ''] = /^[^/?#]*\/\/[^/?#]*([^?#]*)/.exec(url) ?? [];
  if (path === '') return '/';
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return malformed.test(path) ? undefined : lenientlyDecoded(path);
  }
}

const malformed = /%(?![0-9a-f]{2})/i;

function lenientlyDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    new TextDecoder().decode(Uint8Array.from(run.slice(1).split('%'), (hex) => Number.parseInt(hex, 16))),
  );
}

/** The URL without the parameters that upstream does not read: those with a semicolon or with malformed escapes. */
export function withReadableQuery(url: URL): URL {
  const unreadable = (parameter: string) => parameter.includes(';') || malformed.test(parameter);
  if (!unreadable(url.search)) return url;
  url.search = url.search
    .slice(1)
    .split('&')
    .filter((parameter) => !unreadable(parameter))
    .join('&');
  return url;
}

/** Without those at its ends. No expression does that in linear time. */
function withoutSlashes(path: string): string {
  let [start, end] = [0, path.length];
  while (path[start] === '/') start++;
  while (end > start && path[end - 1] === '/') end--;
  return path.slice(start, end);
}

/** `path` is decoded; see {@link pathOf}. Where it has two slashes, there is an empty segment between them. */
export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const plain: RequestInfo = { ...none, isResource: false, path, verb: method.toLowerCase() };
  if (path.startsWith('//')) return plain;
  const [prefix, ...after] = withoutSlashes(path).split('/');
  const grouped = prefix === 'apis';
  if (!grouped && prefix !== 'api') return plain;
  if (after.length < (grouped ? 3 : 2) || (grouped && after[0] === '')) return plain;
  const group = grouped ? (after.shift() as string) : '';
  const version = after.shift() as string;

  const info: RequestInfo = { ...plain, isResource: true, verb: verbs.get(method) ?? '', group, version };
  // The deprecated prefixes, which say the verb whatever the method.
  const verbInPath = after[0] === 'watch' || after[0] === 'proxy' ? after.shift() : undefined;
  if (verbInPath) info.verb = verbInPath;
  if (after[0] === 'namespaces' && after.length >= 2) {
    info.namespace = after[1] ?? '';
    // /namespaces/x, and its subresources, are about the namespace itself.
    if (after.length > 2 && after[2] !== 'status' && after[2] !== 'finalize') after.splice(0, 2);
  }
  info.resource = after[0] ?? '';
  info.name = after[1] ?? '';
  info.subresource = verbInPath === 'proxy' ? '' : (after[2] ?? '');
  info.rest = after.slice(3);
  if (info.name === '' && info.verb === 'get') {
    info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
    info.name = selectedName(query);
  } else if (info.name === '' && info.verb === 'delete') info.verb = 'deletecollection';
  if (!verbInPath && selecting.has(info.verb)) {
    info.fieldSelector = query.get('fieldSelector') ?? '';
    info.labelSelector = query.get('labelSelector') ?? '';
  }
  return info;
}

/** `list` and `watch` of one name count as about that name; options that cannot be read as a whole say nothing. */
function selectedName(query: URLSearchParams): string {
  const fieldSelector = query.get('fieldSelector');
  if (!fieldSelector?.includes('metadata.name')) return '';
  if (['limit', 'timeoutSeconds'].some((option) => !/^[-+]?\d+$/.test(query.get(option) ?? '0'))) return '';
  try {
    parseLabelSelector(query.get('labelSelector') ?? '');
    const named = parseFieldSelector(fieldSelector).find(
      ({ field, operator }) => field === 'metadata.name' && operator === '=',
    );
    return named && isPathSegmentName(named.value, false).length === 0 ? named.value : '';
  } catch {
    return '';
  }
}

/** Upstream's conversion of a query parameter to a boolean: present and not false or 0. */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}
