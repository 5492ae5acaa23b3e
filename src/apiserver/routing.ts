// What a request asks for, read off its method and URL alone (upstream's RequestInfo). Decides nothing.

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
}

const verbs: Record<string, string> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const none = { group: '', version: '', namespace: '', resource: '', subresource: '', name: '', rest: [] };

/** `undefined` when a path segment is not validly percent-encoded. */
export function requestInfo(method: string, url: URL): RequestInfo | undefined {
  const segments: string[] = [];
  for (const segment of url.pathname.split('/')) {
    if (segment === '') continue;
    try {
      segments.push(decodeURIComponent(segment));
    } catch {
      return undefined;
    }
  }
  const plain: RequestInfo = { ...none, isResource: false, path: url.pathname, verb: method.toLowerCase() };
  const [prefix, ...after] = segments;
  let group = '';
  if (prefix === 'apis') group = after.shift() ?? '';
  else if (prefix !== 'api') return plain;
  const version = after.shift() ?? '';
  if (after.length === 0) return plain;

  const info: RequestInfo = { ...plain, isResource: true, verb: verbs[method] ?? method.toLowerCase(), group, version };
  // The deprecated /watch/ prefix.
  const watchPrefix = after[0] === 'watch';
  if (watchPrefix) after.shift();
  if (after[0] === 'namespaces' && after.length >= 2) {
    info.namespace = after[1] ?? '';
    // /namespaces/x, and its subresources, are about the namespace itself.
    if (after.length > 2 && after[2] !== 'status' && after[2] !== 'finalize') after.splice(0, 2);
  }
  info.resource = after[0] ?? '';
  info.name = after[1] ?? '';
  info.subresource = after[2] ?? '';
  info.rest = after.slice(3);
  if (info.name === '') {
    if (info.verb === 'get') info.verb = isTrue(url.searchParams.get('watch')) ? 'watch' : 'list';
    else if (info.verb === 'delete') info.verb = 'deletecollection';
  }
  if (watchPrefix && (info.verb === 'get' || info.verb === 'list')) info.verb = 'watch';
  // `list` and `watch` narrowed to one name count as about that name, as upstream authorises them.
  if ((info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection') && info.name === '') {
    const match = /^metadata\.name==?([^,=!]+)$/.exec(url.searchParams.get('fieldSelector') ?? '');
    if (match?.[1]) info.name = match[1];
  }
  return info;
}

/** Upstream's conversion of a query parameter to a boolean: present and not false or 0. */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}
