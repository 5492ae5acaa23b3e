// /openapi/v2, all in one, and /openapi/v3: an index of group versions with content hashes, and a document for each. All are made
// from the route table (routes.ts) when they are asked for; what is kept is their hashes and the texts that were asked for last.

import { apiVersion } from '../../machinery/meta.ts';
import { openApiSchemas } from '../../machinery/openapi.ts';
import { RecentMap } from '../../machinery/recent-map.ts';
import type { Schemas } from '../../machinery/schema/types.ts';
import type { Clock } from '../../ports/index.ts';
import { compareGroups } from '../discovery/groups.ts';
import { hashOf } from '../negotiation/respond.ts';
import type { Registry } from '../registry.ts';
import type { VirtualResource } from '../rest/virtual.ts';
import { describe } from './descriptions.ts';
import { type Parameter, queryParameters } from './parameters.ts';
import { registeredGroupVersions } from './registered.ts';
import { mediaTypes, pageRoute, type Route, resourceRoutes, virtualRoutes } from './routes.ts';
import { v2Document } from './v2.ts';
import { encodeV2 } from './v2-protobuf.ts';
import { type Json, v3Document } from './v3.ts';
import { encodeV3 } from './v3-protobuf.ts';

export interface Document {
  text: string;
  hash: string;
}

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const textsKept = 3;

/** One document of version 3: the routes under a prefix. */
interface Part {
  routes(): Route[];
  group: string;
  version: string;
}

export class OpenApi {
  readonly #schemas: Schemas;
  readonly #clock: Clock;
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #hashes = new Map<string, string>();
  /** The last texts asked for. */
  readonly #texts = new RecentMap<string, Promise<Document>>(textsKept);
  #index: Promise<Document> | undefined;
  #v2: Promise<Document> | undefined;
  #v2Protobuf: Promise<Uint8Array> | undefined;

  constructor(registry: Registry, virtual: readonly VirtualResource[], schemas: Schemas, clock: Clock) {
    this.#schemas = schemas;
    this.#clock = clock;
    this.#parts = parts(registry, virtual);
  }

  nowMs(): number {
    return this.#clock.now();
  }

  /** `api/v1`, `apis/apps/v1`. */
  has(path: string): boolean {
    return this.#parts.has(path);
  }

  index(): Promise<Document> {
    this.#index ??= this.#makeIndex();
    return this.#index;
  }

  async #makeIndex(): Promise<Document> {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const path of [...this.#parts.keys()].sort()) {
      const hash = this.#hashes.get(path) ?? (await this.#make(path)).hash;
      this.#hashes.set(path, hash);
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
    }
    const text = JSON.stringify({ paths });
    return { text, hash: await hashOf(text) };
  }

  /** Of a path that it {@link has}. */
  document(path: string): Promise<Document> {
    const made = this.#texts.get(path) ?? this.#make(path);
    this.#texts.set(path, made);
    return made;
  }

  async documentProtobuf(path: string): Promise<Uint8Array> {
    return encodeV3(this.#build(path));
  }

  v2(): Promise<Document> {
    this.#v2 ??= this.#makeV2();
    return this.#v2;
  }

  v2Protobuf(): Promise<Uint8Array> {
    this.#v2Protobuf ??= this.v2().then(({ text }) => encodeV2(JSON.parse(text)));
    return this.#v2Protobuf;
  }

  async #make(path: string): Promise<Document> {
    const text = JSON.stringify(this.#build(path));
    return { text, hash: await hashOf(text) };
  }

  #build(path: string): Json {
    const { routes, group, version } = this.#parts.get(path) as Part;
    const made = routes();
    const schemas = openApiSchemas(this.#schemas.table, schemasOf(made), describe);
    // Kinds of every group tell of theirs, beside the group to which they belong.
    if (group !== '')
      for (const kind of ['DeleteOptions', 'WatchEvent']) {
        const kinds = schemas[metaV1 + kind]?.['x-kubernetes-group-version-kind'] as Json[] | undefined;
        kinds?.push({ group, kind, version });
      }
    return v3Document(made, (kind) => this.#parameters(kind), schemas);
  }

  async #makeV2(): Promise<Document> {
    const routes = [...this.#parts.values()].flatMap((part) => part.routes());
    const schemas = openApiSchemas(this.#schemas.table, schemasOf(routes), describe);
    for (const kind of ['DeleteOptions', 'WatchEvent']) {
      const kinds = schemas[metaV1 + kind]?.['x-kubernetes-group-version-kind'] as Json[] | undefined;
      for (const [group, version] of registeredGroupVersions()) kinds?.push({ group, kind, version });
    }
    const text = JSON.stringify(v2Document(routes, (kind) => this.#parameters(kind), schemas));
    return { text, hash: await hashOf(text) };
  }

  readonly #parametersByKind = new Map<string, Parameter[]>();

  #parameters(kind: string): Parameter[] {
    let found = this.#parametersByKind.get(kind);
    if (!found) {
      found = queryParameters(this.#schemas.table, kind);
      this.#parametersByKind.set(kind, found);
    }
    return found;
  }
}

function schemasOf(routes: readonly Route[]): Set<string> {
  const names = new Set<string>();
  for (const { body, responses } of routes) {
    if (body) names.add(body.schema);
    for (const schema of Object.values(responses)) if (schema !== 'string') names.add(schema);
  }
  return names;
}

function parts(registry: Registry, virtual: readonly VirtualResource[]): Map<string, Part> {
  const found = new Map<string, Part>();
  const page = (path: string, group: string, route: Route) =>
    found.set(path, { routes: () => [route], group, version: '' });
  const resources = `${metaV1}APIResourceList`;
  const all = [...registry.definitions, ...virtual];
  for (const group of [...new Set(all.map((one) => one.group))].sort(compareGroups)) {
    const base = group === '' ? 'api' : `apis/${group}`;
    if (group !== '')
      page(
        base,
        group,
        pageRoute(`/${base}/`, ['get', 'APIGroup'], 'get information of a group', `${metaV1}APIGroup`, mediaTypes),
      );
    for (const version of new Set(all.filter((one) => one.group === group).map((one) => one.version))) {
      const path = group === '' ? `api/${version}` : `apis/${apiVersion({ group, version })}`;
      const routes = () => [
        pageRoute(`/${path}/`, ['get', 'APIResources'], 'get available resources', resources, mediaTypes),
        ...registry.inGroupVersion(group, version).flatMap((definition) => resourceRoutes(`/${path}`, definition)),
        ...virtual
          .filter((one) => one.group === group && one.version === version)
          .flatMap((resource) => virtualRoutes(`/${path}`, resource)),
      ];
      found.set(path, { routes, group, version });
    }
  }
  const versions = 'get available API versions';
  page('api', '', pageRoute('/api/', ['get', 'APIVersions'], versions, `${metaV1}APIVersions`, mediaTypes));
  page('apis', '', pageRoute('/apis/', ['get', 'APIVersions'], versions, `${metaV1}APIGroupList`, mediaTypes));
  page(
    'version',
    '',
    pageRoute(
      '/version/',
      ['get', 'CodeVersion'],
      'get the version information for this server',
      'io.k8s.apimachinery.pkg.version.Info',
      ['application/json'],
    ),
  );
  page(
    '.well-known/openid-configuration',
    '',
    pageRoute(
      '/.well-known/openid-configuration/',
      ['get', 'ServiceAccountIssuerOpenIDConfiguration'],
      "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
      'string',
      ['application/json'],
      [],
    ),
  );
  page(
    'openid/v1/jwks',
    '',
    pageRoute(
      '/openid/v1/jwks/',
      ['get', 'ServiceAccountIssuerOpenIDKeyset'],
      'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
      'string',
      ['application/jwk-set+json'],
      [],
    ),
  );
  return found;
}
