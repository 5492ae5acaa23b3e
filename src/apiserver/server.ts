// The API server: from a request to its answer. It authenticates, resolves what is asked for, authorises, and hands over to
// the REST handlers. It owns no storage (the ledger does) and no timers beyond those given to it.
import type { Ledger } from '../ledger/types.ts';
import { errors } from '../machinery/errors.ts';
import type { KubeObject } from '../machinery/meta.ts';
import type { AnyResource, Subresource } from '../machinery/resource.ts';
import type { ProtobufTable } from '../machinery/schema/table.ts';
import type { Schemas } from '../machinery/schema/types.ts';
import type { Clock, ClusterConfig, Log, Random, Timers } from '../ports/index.ts';
import type { Client, Feed } from '../reconcile/types.ts';
import { AdmissionChain, type AdmissionPlugin } from './admission/chain.ts';
import { type Authenticator, allAuthenticated, anonymous, bearerToken } from './authn/authenticator.ts';
import { type Attributes, type Authorizer, forbidden } from './authz/authorizer.ts';
import { createClient, createFeed } from './client.ts';
import { createCodec } from './codec.ts';
import type { Core, User } from './core.ts';
import { Discovery } from './discovery/discovery.ts';
import { asApiError } from './errors.ts';
import { pageNotFound, statusResponse } from './negotiation/respond.ts';
import { isOpenPath, Pages } from './pages.ts';
import { Registry, subresourceOf, verbsOf } from './registry.ts';
import type { RestRequest } from './rest/context.ts';
import { getObject, listObjects, watchObjects } from './rest/read.ts';
import { createVirtual, type VirtualResource } from './rest/virtual.ts';
import { createObject, deleteCollection, deleteOne, patchObject, updateObject } from './rest/write.ts';
import { type RequestInfo, requestInfo } from './routing.ts';
import { WatchHub } from './watch/hub.ts';

/** Everything of a request to a `connect` subresource (log, exec, …) that whoever carries it out needs. */
export interface Connection {
  user: User;
  object: KubeObject;
  subresource: string;
  /** The query's parameters, checked. */
  options: URLSearchParams;
}

export interface ApiServerOptions {
  ledger: Ledger;
  resources: readonly AnyResource[];
  schemas: Schemas;
  /** Absent: protobuf bodies are refused. */
  protobufTables?: ProtobufTable;
  clock: Clock;
  /** Keep-alives, bookmarks and time limits of watches; absent: none. */
  timers?: Timers;
  random: Random;
  config: ClusterConfig;
  log: Log;
  authenticator: Authenticator;
  authorizer: Authorizer;
  admission: readonly AdmissionPlugin[];
  virtual?: readonly VirtualResource[];
  pages?: Partial<ConstructorParameters<typeof Pages>[1]>;
  /** Requests that begin a stream to a node. Absent: 501-like refusal. */
  connect?(request: Request, connection: Connection): Promise<Response>;
  /** Creates that need more than a transaction: `serviceaccounts/token`. By group-resource and subresource. */
  creators?: Readonly<Record<string, (rest: RestRequest) => Promise<Response>>>;
  /** Checks the options of a connect subresource; throws ApiError. */
  connectOptions?(subresource: string, query: URLSearchParams, object: KubeObject): void;
}

export class ApiServer {
  readonly core: Core;
  readonly feed: Feed;
  readonly #options: ApiServerOptions;
  readonly #hub: WatchHub;
  readonly #pages: Pages;
  readonly #virtual: ReadonlyMap<string, VirtualResource>;

  constructor(options: ApiServerOptions) {
    const { ledger, clock, random, config, log } = options;
    this.#options = options;
    this.core = {
      ledger,
      registry: new Registry(options.resources),
      codec: createCodec(options.schemas, options.protobufTables),
      clock,
      random,
      config,
      log,
      admission: new AdmissionChain(options.admission),
    };
    this.feed = createFeed(this.core);
    this.#hub = new WatchHub(ledger, options.timers);
    const virtual = options.virtual ?? [];
    this.#virtual = new Map(virtual.map((one) => [`${one.group}/${one.version}/${one.plural}`, one]));
    this.#pages = new Pages(this.core, {
      discovery: new Discovery(this.core.registry, virtual),
      schemas: options.schemas,
      virtual,
      ...options.pages,
    });
  }

  /** Open watches. */
  get watches(): number {
    return this.#hub.size;
  }

  /** The client of a part of the control plane: `deployment-controller` acts as its service account in kube-system. */
  client(userName: string): Client {
    const name = userName.includes(':') ? userName : `system:serviceaccount:kube-system:${userName}`;
    return createClient(this.core, { name, groups: ['system:masters', allAuthenticated] });
  }

  /** Who a bearer token belongs to; undefined: nobody. */
  authenticate(token: string): Promise<User | undefined> {
    return this.#options.authenticator.authenticate(token);
  }

  /** Never rejects: whatever goes wrong is a Status. */
  async fetch(request: Request): Promise<Response> {
    try {
      return await this.#handle(request);
    } catch (error) {
      return statusResponse(asApiError(error, this.core.log));
    }
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const info = requestInfo(request.method, url);
    if (!info) throw errors.badRequest('invalid percent-encoding in the path');
    const user = await this.#user(request, info);
    const attributes: Attributes = { ...info, user, fieldSelector: url.searchParams.get('fieldSelector') ?? '' };
    if (!isOpenPath(info) || request.headers.has('authorization')) this.#authorize(attributes);
    if (!info.isResource) return this.#pages.answer(request, url, info);

    const virtual = this.#virtual.get(`${info.group}/${info.version}/${info.resource}`);
    if (virtual) return createVirtual(this.core, virtual, request, url, info, user);
    const definition = this.core.registry.find(info.group, info.version, info.resource);
    if (!definition) return pageNotFound();
    const subresource = info.subresource === '' ? undefined : subresourceOf(definition, info.subresource);
    if (info.subresource !== '' && !subresource) return pageNotFound();
    if (
      definition.namespaced &&
      info.namespace === '' &&
      (info.name !== '' || info.verb === 'create') &&
      !isCollectionRead(info)
    )
      return pageNotFound();
    return this.#dispatch({ core: this.core, request, url, info, definition, subresource, user });
  }

  async #user(request: Request, info: RequestInfo): Promise<User> {
    const token = bearerToken(request);
    if (token === undefined) {
      if (isOpenPath(info)) return anonymous;
      throw errors.unauthorized();
    }
    const user = await this.#options.authenticator.authenticate(token);
    if (!user) throw errors.unauthorized();
    return user;
  }

  #authorize(attributes: Attributes): void {
    const decision = this.#options.authorizer.authorize(attributes);
    if (!decision?.allowed) throw forbidden(attributes, decision?.reason);
  }

  async #dispatch(rest: RestRequest): Promise<Response> {
    const { definition, subresource, info } = rest;
    requireVerb(definition, subresource, info);
    if (subresource?.behaviour.type === 'connect') return this.#connect(rest);
    switch (info.verb) {
      case 'get':
        return getObject(rest);
      case 'list':
        return listObjects(rest);
      case 'watch':
        return watchObjects(rest, this.#hub);
      case 'create':
        return createObject(rest);
      case 'update':
        return updateObject(rest);
      case 'patch':
        return patchObject(rest);
      case 'delete':
        return deleteOne(rest);
      default:
        return deleteCollection(rest);
    }
  }

  async #connect(rest: RestRequest): Promise<Response> {
    const { definition, info, user, url, request } = rest;
    const creator = this.#options.creators?.[`${definition.plural}/${info.subresource}`];
    if (creator && info.verb === 'create') return creator(rest);
    const [object] = (await this.client('apiserver').list(definition, {
      namespace: info.namespace,
      fieldSelector: `metadata.name=${info.name}`,
    })) as KubeObject[];
    if (!object) throw errors.notFound(definition, info.name);
    this.#options.connectOptions?.(info.subresource, url.searchParams, object);
    if (!this.#options.connect) throw errors.unavailable(`${info.subresource} is not available`);
    return this.#options.connect(request, { user, object, subresource: info.subresource, options: url.searchParams });
  }
}

function isCollectionRead(info: RequestInfo): boolean {
  return info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection';
}

/** Throws MethodNotAllowed (405) for what the kind does not offer. */
function requireVerb(definition: AnyResource, subresource: Subresource | undefined, info: RequestInfo): void {
  const offered: readonly string[] = subresource?.verbs ?? verbsOf(definition);
  const named = info.verb === 'get' || info.verb === 'update' || info.verb === 'patch' || info.verb === 'delete';
  const reachable = subresource
    ? info.name !== ''
    : named
      ? info.name !== ''
      : info.verb !== 'create' || info.name === '';
  if (!offered.includes(info.verb) || !reachable) throw errors.methodNotSupported(definition, info.verb);
}
