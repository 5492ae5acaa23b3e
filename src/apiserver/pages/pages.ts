// Everything that is not a resource: health, version, metrics, discovery, OpenAPI, the service account issuer's keys, the
// index. Here a path finds its page; what stands on it is made elsewhere.

import { ApiError } from '../../machinery/errors.ts';
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';
import type { ServiceAccountIssuer } from '../authn/service-account/issuer.ts';
import { openIdPage } from '../authn/service-account/openid.ts';
import type { Core } from '../core.ts';
import { DiscoveryAnswers } from '../discovery/answers.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { negotiate } from '../negotiation/accept.ts';
import { methodNotAllowed, pageNotFound } from '../negotiation/respond.ts';
import { answerRevocation, type RevokeNode } from '../nodes/revocation.ts';
import { OpenApiAnswers } from '../openapi/answers.ts';
import type { OpenApi } from '../openapi/openapi.ts';
import type { RequestInfo } from '../routing.ts';
import { type Check, Health, type HealthKind } from './health.ts';
import { answerKeys, type KeyFamilies, keysPath } from './keys.ts';

export interface PagesOptions {
  discovery: Discovery;
  openApi: OpenApi;
  metrics: Metrics;
  /** What must work for /readyz beside the ledger. */
  checks?: Readonly<Record<string, Check>>;
  /** Absent: there is none, and nothing of it to discover. */
  issuer?: ServiceAccountIssuer;
  /** Keys that can be rotated. */
  keys: KeyFamilies;
  /** Absent: nobody here knows of nodes' credentials. */
  revokeNode?: RevokeNode;
}

export const gitVersion = 'v1.36.0+tiffin';

/** Put in by whoever bundles the Worker. */
declare const GIT_COMMIT: string | undefined;

const versionInfo = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion,
  gitCommit: typeof GIT_COMMIT === 'undefined' ? '' : GIT_COMMIT,
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'workerd',
};

/** What upstream answers below a prefix that it serves, where it serves nothing. */
export function resourceNotFound(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {});
}

export class Pages {
  readonly #options: PagesOptions;
  readonly #health: Health;
  readonly #discovery: DiscoveryAnswers;
  readonly #openApi: OpenApiAnswers;

  constructor(core: Core, options: PagesOptions) {
    this.#options = options;
    const alive: Record<string, Check> = {
      ping: () => undefined,
      log: () => undefined,
      ledger: () => (core.ledger.revision >= 0 ? undefined : 'no revision'),
    };
    this.#health = new Health(alive, options.checks ?? {}, core.log);
    this.#discovery = new DiscoveryAnswers(options.discovery, core.codec.protobuf);
    this.#openApi = new OpenApiAnswers(options.openApi);
  }

  async answer(request: HttpRequest, url: URL, info: RequestInfo): Promise<HttpAnswer> {
    const { path } = info;
    if (path.includes('//')) return pageNotFound();
    const segments = path.split('/').filter((segment) => segment !== '');
    const [first, second = ''] = segments;
    switch (first) {
      case undefined:
        return indented({ paths: this.#paths() });
      case 'index.html':
        return segments.length === 1 ? indented({ paths: this.#paths() }) : pageNotFound();
      case 'version':
        readOnly(request);
        if (segments.length > 1) throw resourceNotFound();
        negotiate(request, 'none');
        return indented(versionInfo);
      case 'livez':
      case 'readyz':
      case 'healthz':
        // Upstream's multiplexer, other than its routes, tells `/livez` from `/livez/`.
        if (path.endsWith('/')) return pageNotFound();
        return this.#health.answer(first satisfies HealthKind, segments.slice(1).join('/'), url.searchParams);
      case 'metrics':
        return path === '/metrics' ? this.#options.metrics.answer() : pageNotFound();
      case 'api':
        return this.#discovered(request, segments);
      case 'apis':
        if (second !== '' && !this.#options.discovery.has(second)) return pageNotFound();
        return this.#discovered(request, segments);
      case '.well-known':
      case 'openid':
        return (await openIdPage(this.#options.issuer, request, path)) ?? pageNotFound();
      case 'tiffin.dev':
        if (isBelow(path, keysPath)) return (await answerKeys(this.#options.keys, request, path)) ?? pageNotFound();
        return (await answerRevocation(this.#options.revokeNode, request, path)) ?? pageNotFound();
      case 'openapi':
        if (path === '/openapi/v2') return this.#openApi.v2(request);
        return second === 'v3' ? this.#openApi.v3(request, url, segments.slice(2).join('/')) : pageNotFound();
      default:
        return pageNotFound();
    }
  }

  /** /apis and /apis/GROUP are the aggregator's, which takes any method; the others are routes. */
  async #discovered(request: HttpRequest, segments: readonly string[]): Promise<HttpAnswer> {
    if (segments[0] === 'api' || segments.length > 2) readOnly(request);
    const found = await this.#discovery.answer(request, segments);
    if (!found) throw resourceNotFound();
    return found;
  }

  #paths(): string[] {
    const versions = this.#options.discovery.groupVersions();
    const apis = versions.map(({ group, version }) => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`));
    const groups = versions.filter(({ group }) => group !== '').map(({ group }) => `/apis/${group}`);
    return [
      ...new Set([
        '/.well-known/openid-configuration',
        '/api',
        '/apis',
        '/apis/',
        '/metrics',
        '/openapi/v2',
        '/openapi/v3',
        '/openapi/v3/',
        '/openid/v1/jwks',
        '/version',
        ...this.#health.paths(),
        ...apis,
        ...groups,
      ]),
    ].sort();
  }
}

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Throws MethodNotAllowed (405), as routes for GET alone do. */
function readOnly(request: HttpRequest): void {
  if (request.method !== 'GET') throw methodNotAllowed();
}

/** Upstream writes these few documents with two blanks of indentation, whoever asks. */
function indented(document: unknown): HttpAnswer {
  return new HttpAnswer(JSON.stringify(document, undefined, 2), {
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' },
  });
}
