// Everything that is not a resource: health, version, discovery, OpenAPI, the service account issuer's keys, the index.

import { ApiError } from '../machinery/errors.ts';
import type { Core } from './core.ts';
import type { Discovery } from './discovery/discovery.ts';
import { parseAccept, wantsAggregatedDiscovery } from './negotiation/accept.ts';
import { hashOf, pageNotFound, textResponse } from './negotiation/respond.ts';
import type { OpenApi } from './openapi/openapi.ts';
import type { RequestInfo } from './routing.ts';

/** Paths that need no token. */
export function isOpenPath(info: Pick<RequestInfo, 'isResource' | 'path'>): boolean {
  return !info.isResource && /^\/(version\/?|livez(\/.*)?|readyz(\/.*)?|healthz(\/.*)?)$/.test(info.path);
}

export interface PagesOptions {
  discovery: Discovery;
  openApi: OpenApi;
  /** Names of what must work for /readyz, with the check: undefined is fine, a text says what is wrong. */
  checks?: Readonly<Record<string, () => string | undefined>>;
  /** JWK set of the service account issuer. */
  jwks?: () => Promise<unknown>;
}

export const gitVersion = 'v1.36.0+tiffin';

const versionInfo = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'workerd',
};

export class Pages {
  readonly #core: Core;
  readonly #options: PagesOptions;

  constructor(core: Core, options: PagesOptions) {
    this.#core = core;
    this.#options = options;
  }

  async answer(request: Request, url: URL, info: RequestInfo): Promise<Response> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
    const path = info.path.length > 1 ? info.path.replace(/\/+$/, '') : info.path;
    const [, prefix, group = '', version = ''] = path.split('/');
    switch (prefix) {
      case '':
        return textResponse(JSON.stringify({ paths: this.#paths() }));
      case 'version':
        return group === '' ? textResponse(JSON.stringify(versionInfo)) : pageNotFound();
      case 'livez':
      case 'readyz':
      case 'healthz':
        return this.#health(prefix, group, url);
      case 'api':
      case 'apis':
        return (await this.#discovery(request, prefix, group, version)) ?? pageNotFound();
      case '.well-known':
        return path === '/.well-known/openid-configuration' ? this.#openId() : pageNotFound();
      case 'openid':
        return path === '/openid/v1/jwks' && this.#options.jwks
          ? textResponse(JSON.stringify(await this.#options.jwks()), {
              headers: { 'Cache-Control': 'public, max-age=3600' },
            })
          : pageNotFound();
      case 'openapi':
        if (path === '/openapi/v2') return this.#openApiV2(request);
        return group === 'v3'
          ? this.#openApi(request, url, path.slice('/openapi/v3'.length).replace(/^\//, ''))
          : pageNotFound();
      default:
        return pageNotFound();
    }
  }

  #paths(): string[] {
    const versions = this.#options.discovery.groupVersions();
    const apis = versions.map(({ group, version }) => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`));
    const groups = [...new Set(versions.filter(({ group }) => group !== '').map(({ group }) => `/apis/${group}`))];
    const openApi = ['/openapi', '/openapi/v2', ...apis.map((path) => `/openapi/v3${path}`), '/openapi/v3'];
    const others = [
      '/.well-known/openid-configuration',
      '/api',
      '/apis',
      '/healthz',
      '/livez',
      '/readyz',
      '/openid/v1/jwks',
      '/version',
    ];
    return [...new Set([...others, ...apis, ...groups, ...openApi])].sort();
  }

  #health(kind: string, one: string, url: URL): Response {
    const checks: Record<string, () => string | undefined> = {
      ping: () => undefined,
      log: () => undefined,
      ledger: () => (this.#core.ledger.revision >= 0 ? undefined : 'no revision'),
      ...(kind === 'readyz' ? this.#options.checks : {}),
    };
    const excluded = new Set(url.searchParams.getAll('exclude'));
    if (one !== '' && !Object.hasOwn(checks, one)) return pageNotFound();
    const names = (one === '' ? Object.keys(checks) : [one]).filter((name) => !excluded.has(name));
    const results = names.map((name) => ({ name, problem: run(checks[name] as () => string | undefined) }));
    const failed = results.filter(({ problem }) => problem !== undefined);
    for (const { name, problem } of failed) this.#core.log.warn(`${kind} check failed`, { check: name, problem });
    const lines = results.map(({ name, problem }) =>
      problem === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`,
    );
    const verbose = url.searchParams.has('verbose') || failed.length > 0;
    const text = verbose ? `${lines.join('\n')}\n${kind} check ${failed.length > 0 ? 'failed' : 'passed'}\n` : 'ok';
    return new Response(text, {
      status: failed.length > 0 ? 500 : 200,
      headers: {
        'Content-Type': 'text/plain; charset=utf-8',
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'no-cache, private',
      },
    });
  }

  async #discovery(request: Request, prefix: string, group: string, version: string): Promise<Response | undefined> {
    const { discovery } = this.#options;
    if (group === '') {
      const wanted = wantsAggregatedDiscovery(request.headers.get('accept'));
      if (wanted) {
        const text = JSON.stringify(discovery.aggregated(prefix === 'api', wanted));
        const type = `application/json;g=apidiscovery.k8s.io;v=${wanted};as=APIGroupDiscoveryList`;
        return withETag(request, text, type);
      }
      return textResponse(
        JSON.stringify(prefix === 'api' ? discovery.apiVersions(new URL(request.url).host) : discovery.apiGroupList()),
        {
          headers: { Vary: 'Accept' },
        },
      );
    }
    const body =
      prefix === 'api'
        ? version === ''
          ? discovery.apiResourceList('', group)
          : undefined
        : version === ''
          ? discovery.apiGroup(group)
          : discovery.apiResourceList(group, version);
    return body === undefined ? undefined : textResponse(JSON.stringify(body));
  }

  /** The index at /openapi/v3, or the document of one group version, which its hash makes cacheable for ever. */
  async #openApi(request: Request, url: URL, path: string): Promise<Response> {
    const { openApi } = this.#options;
    if (path === '') return textResponse(await openApi.index());
    const document = await openApi.document(path);
    if (!document) return pageNotFound();
    const headers: Record<string, string> = { ETag: `"${document.hash}"`, Vary: 'Accept' };
    if (url.searchParams.get('hash') === document.hash) headers['Cache-Control'] = 'public, immutable';
    if (request.headers.get('if-none-match') === headers.ETag) return new Response(null, { status: 304, headers });
    return textResponse(document.text, { headers });
  }

  async #openApiV2(request: Request): Promise<Response> {
    const { text, hash, protobuf } = await this.#options.openApi.v2();
    const ETag = `"${hash}"`;
    const headers = { ETag, Vary: 'Accept', 'Cache-Control': 'public' };
    if (request.headers.get('if-none-match') === ETag) return new Response(null, { status: 304, headers });
    const wanted = parseAccept(request.headers.get('accept') || 'application/json').find(({ type }) =>
      /^(\*\/\*|application\/(\*|json|com\.github\.proto-openapi\.spec\.v2[.@]v1\.0\+protobuf))$/.test(type),
    );
    if (!wanted) throw new ApiError('NotAcceptable', 'only JSON and protobuf are available');
    if (!wanted.type.endsWith('protobuf')) return textResponse(text, { headers });
    const contentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
    return new Response(protobuf as Uint8Array<ArrayBuffer>, { headers: { ...headers, 'Content-Type': contentType } });
  }

  #openId(): Response {
    const { issuer } = this.#core.config;
    return textResponse(
      JSON.stringify({
        issuer,
        jwks_uri: `${issuer}/openid/v1/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      }),
    );
  }
}

function run(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    return String(error);
  }
}

export async function withETag(request: Request, text: string, contentType: string): Promise<Response> {
  const etag = `"${await hashOf(text)}"`;
  const headers = { 'Content-Type': contentType, ETag: etag, Vary: 'Accept', 'Cache-Control': 'public' };
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers });
  return new Response(text, { headers });
}
