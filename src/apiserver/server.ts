// The API server: from a request to its answer. It authenticates, resolves what is asked for, authorises, and hands over to
// the REST handlers. It owns no storage (the ledger does) and no timers beyond those given to it.

import type { Configuration } from '../configuration/configuration.ts';
import { resources } from '../generated/resources.ts';
import { definitions } from '../generated/schemas/definitions.ts';
import { protobuf } from '../generated/schemas/protobuf.ts';
import type { Ledger } from '../ledger/types.ts';
import { errors } from '../machinery/errors.ts';
import type { HttpAnswer, HttpRequest } from '../machinery/http.ts';
import type { AnyResource, ControlPlaneParts } from '../machinery/resource.ts';
import type { ProtobufTable } from '../machinery/schema/table.ts';
import { Schemas } from '../machinery/schema/types.ts';
import type { UsageReader } from '../machinery/usage.ts';
import type { Clock, ClusterConfig, Fetch, Log, Random, Timers } from '../ports/index.ts';
import type { Client, Feed } from '../reconcile/types.ts';
import { Access } from './access.ts';
import { AdmissionChain, type AdmissionPlugin } from './admission/chain.ts';
import { Audit, type AuditedRequest, type AuditOutlets } from './audit/audit.ts';
import { type Authenticator, allAuthenticated } from './authn/authenticator.ts';
import { configuredTokens } from './authn/request.ts';
import { type ServiceAccountIssuer, serviceAccountIssuer } from './authn/service-account/issuer.ts';
import { tokenSettings } from './authn/service-account/settings.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { nodesGroup } from './authz/node-identity.ts';
import { attributesOf } from './authz/selection.ts';
import { bootstrap } from './bootstrap.ts';
import { builtInAdmission, builtInAuthenticator, builtInAuthorizer, emptyCollection } from './builtin.ts';
import { createClient, createFeed } from './client.ts';
import { createCodec } from './codec.ts';
import type { Core, NodeContacts, User } from './core.ts';
import { Discovery } from './discovery/discovery.ts';
import { asApiError } from './errors.ts';
import { Expiry } from './expiry.ts';
import { FlowControl } from './flowcontrol/flow-control.ts';
import { TimeLimits } from './flowcontrol/time-limits.ts';
import { Limits } from './limits/limits.ts';
import { flowControlFamilies } from './metrics/flow-control.ts';
import { Metrics } from './metrics/metrics.ts';
import {
  methodNotAllowed,
  pageNotFound,
  plainText,
  statusResponse,
  withCommonHeaders,
  withWarning,
} from './negotiation/respond.ts';
import { OpenApi } from './openapi/openapi.ts';
import { untimed } from './outgoing/call.ts';
import type { KeyFamilies } from './pages/keys.ts';
import { gitVersion, Pages, resourceNotFound } from './pages/pages.ts';
import { isServed, Registry, subresourceOf } from './registry.ts';
import { actionCollections } from './rest/collections.ts';
import { type ComputedFrom, readComputed } from './rest/computed.ts';
import { type Connectors, connectTo } from './rest/connect.ts';
import type { RestRequest } from './rest/context.ts';
import { deleteCollection } from './rest/delete-collection.ts';
import { ManagedTypes } from './rest/managed.ts';
import { getObject, listObjects, watchObjects } from './rest/read.ts';
import { reviews } from './rest/reviews.ts';
import { hasPath, isCollectionRead, requireSegment, requireVerb } from './rest/served.ts';
import { tokenCreator } from './rest/token.ts';
import { createVirtual, type VirtualResource } from './rest/virtual.ts';
import { createObject, deleteOne, patchObject, updateObject } from './rest/write.ts';
import { pathOf, type RequestInfo, requestInfo, withReadableQuery } from './routing.ts';
import { WatchHub } from './watch/hub.ts';

export interface ApiServerOptions {
  ledger: Ledger;
  clock: Clock;
  /** Keep-alives, bookmarks and time limits of watches; absent: none. */
  timers?: Timers;
  random: Random;
  config: ClusterConfig;
  /** What an administrator configured beyond the defaults. */
  configuration?: Configuration;
  log: Log;
  /** The token of the kubeconfig's admin; absent or empty: there is none. */
  adminToken?: string;
  /** PEM: the keys of the service account issuer, of which the first private one signs; absent: no tokens are issued. */
  serviceAccountKey?: string;
  /** Calls webhooks, issuers and sinks that are configured; absent: none can be reached. */
  fetch?: Fetch;
  /** Where audit events can go, and whether they go there the configuration says; absent: to a webhook at most. */
  audit?: AuditOutlets;
  /** Ends a node's credentials; absent: they cannot be revoked. */
  revokeNode?(node: string): Promise<void>;
  /** The answer that has a stream begin between a client and a node; absent: such requests are answered with 503. */
  stream?: Connectors['stream'];
  /** Evidence of life of nodes, for what is filled in at reads. */
  contacts?: NodeContacts;
  /** How the other parts of the control plane are, as far as is known here; what is not named is taken to be well. */
  components?: ControlPlaneParts;
  /** What nodes and pods use; absent: nobody knows. */
  usage?: UsageReader;
  /** Keys that can be rotated, beside those of the service account issuer. */
  keyFamilies?: KeyFamilies;
  /** What /readyz asks beside the ledger: undefined is fine, a text says what is wrong. */
  checks?: Readonly<Record<string, () => string | undefined>>;

  // What is built in, for tests and other distributions to replace.
  resources?: readonly AnyResource[];
  schemas?: Schemas;
  protobufTables?: ProtobufTable;
  authenticator?: Authenticator;
  authorizer?: Authorizer;
  admission?: readonly AdmissionPlugin[];
}

const noUsage: UsageReader = {
  ofNodes: async (names) => names.map(() => undefined),
  ofPods: async (pods) => pods.map(() => undefined),
};

export class ApiServer {
  readonly core: Core;
  readonly feed: Feed;
  readonly issuer: ServiceAccountIssuer | undefined;
  /** What /metrics shows; parts of the server add their own. */
  readonly metrics: Metrics;
  readonly #hub: WatchHub;
  readonly #limits: Limits;
  readonly #flowControl: FlowControl;
  readonly #unread: TimeLimits;
  readonly #pages: Pages;
  readonly #discovery: Discovery;
  readonly #virtual: ReadonlyMap<string, VirtualResource>;
  readonly #authenticator: Authenticator;
  readonly #access: Access;
  /** Undefined: nothing is audited. */
  readonly #audit: Audit | undefined;
  readonly #expiry: Expiry;
  readonly #connectors: Connectors;
  readonly #computedFrom: ComputedFrom;

  constructor(options: ApiServerOptions) {
    const { ledger, clock, random, config, log, adminToken } = options;
    const schemas = options.schemas ?? new Schemas(definitions());
    const registry = new Registry(options.resources ?? resources);
    const { configuration = {} } = options;
    const outside = { fetch: options.fetch, timers: options.timers ?? untimed(clock), log };
    const authorizer = options.authorizer ?? builtInAuthorizer(ledger, configuration.authorization, outside);
    const admission = options.admission ?? builtInAdmission(authorizer, configuration);
    this.core = {
      ledger,
      registry,
      managed: new ManagedTypes(schemas, registry),
      codec: createCodec(schemas, options.protobufTables ?? protobuf()),
      clock,
      random,
      config,
      log,
      admission: new AdmissionChain(admission),
      ...(options.contacts ? { contacts: options.contacts } : {}),
    };
    const configured = configuration.serviceAccountTokens;
    const { audiences } = tokenSettings(config, configured);
    const pem = options.serviceAccountKey;
    const writer = createClient(this.core, { name: 'system:apiserver', groups: ['system:masters', allAuthenticated] });
    const issuer = pem
      ? serviceAccountIssuer({ pem, config, configured, ledger, clock, random, log, writer })
      : undefined;
    this.issuer = issuer;
    const others = configuredTokens(configuration, { ...outside, random }, audiences);
    this.#authenticator =
      options.authenticator ?? builtInAuthenticator({ ledger, clock, audiences, adminToken, issuer, others });
    this.#access = new Access({
      tokens: this.#authenticator,
      authorizer,
      configuration,
      outside,
      isServed: (asked) => isServed(registry, this.#virtual, asked),
    });
    this.#audit = Audit.of(configuration, { ...outside, random, outlets: options.audit ?? { waitUntil() {} } });
    this.#connectors = {
      creators: issuer ? { 'serviceaccounts/token': tokenCreator(issuer.signer, issuer.settings, authorizer) } : {},
      ...(options.stream ? { stream: options.stream } : {}),
    };
    this.feed = createFeed(this.core);
    this.#hub = new WatchHub(ledger, options.timers, configuration.limits?.watches);
    this.#unread = new TimeLimits(options.timers);
    this.#limits = new Limits(configuration.limits, clock, this.#unread);
    this.#flowControl = new FlowControl({
      core: this.core,
      client: writer,
      timers: options.timers,
      watchers: (resource) => this.#hub.watching(resource),
    });
    this.#expiry = new Expiry(this.core);
    const virtual = [
      ...actionCollections(this.core),
      ...reviews({
        authenticator: this.#authenticator,
        authorizer,
        audiences,
        clock,
      }),
    ];
    this.#virtual = new Map(virtual.map((one) => [`${one.group}/${one.version}/${one.plural}`, one]));
    this.metrics = new Metrics({
      ledger,
      definitions: registry.definitions,
      virtual,
      hub: this.#hub,
      gitVersion,
      startedMs: clock.now(),
    });
    this.metrics.add(...flowControlFamilies(() => this.#flowControl.levels), ...(issuer?.metrics ?? []));
    this.metrics.add(...(this.#audit?.families ?? []), ...this.#limits.families);
    this.metrics.add(...admission.flatMap(({ families = [] }) => families));
    this.#discovery = new Discovery(registry, virtual);
    this.#computedFrom = {
      parts: options.components ?? {},
      groupVersions: this.#discovery.groupVersions(),
      usage: options.usage ?? noUsage,
    };
    this.#pages = new Pages(this.core, {
      discovery: this.#discovery,
      openApi: new OpenApi(registry, virtual, schemas, clock),
      metrics: this.metrics,
      ...(options.checks ? { checks: options.checks } : {}),
      ...(issuer ? { issuer } : {}),
      ...(options.revokeNode ? { revokeNode: options.revokeNode } : {}),
      keys: { ...(issuer ? { 'service-account': issuer.keys } : {}), ...options.keyFamilies },
    });
  }

  /** Puts in place what every cluster holds. Idempotent; writes nothing the second time. */
  async start(): Promise<void> {
    await bootstrap(this.core);
    this.#access.prepare();
    await this.#flowControl.reportDangling();
  }

  /** Deletes objects whose time to live is over; answers when to call again, undefined when nothing will expire. */
  expire(nowMs = this.core.clock.now()): Promise<number | undefined> {
    return this.#expiry.expire(nowMs);
  }

  /** Open watches. */
  get watches(): number {
    return this.#hub.size;
  }

  /** Of a part of the control plane: as its service account in kube-system; `system:node:NAME` is held to what nodes may write. */
  client(userName: string): Client {
    const name = userName.includes(':') ? userName : `system:serviceaccount:kube-system:${userName}`;
    const group = name.startsWith('system:node:') ? nodesGroup : 'system:masters';
    return createClient(this.core, { name, groups: [group, allAuthenticated] });
  }

  /** Ends the watches of a user who is not let in any more. */
  hangUp(user: string): void {
    this.#hub.hangUp(user);
  }

  /** Who a bearer token belongs to; undefined: nobody. */
  authenticate(token: string): Promise<User | undefined> {
    return this.#authenticator.authenticate(token);
  }

  /** As {@link answer}, of web objects. */
  async fetch(request: Request): Promise<Response> {
    return (await this.answer(request)).toResponse();
  }

  /** Never rejects: whatever goes wrong is a Status. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const url = withReadableQuery(new URL(request.url));
    const path = pathOf(request.url);
    const info = path === undefined ? undefined : requestInfo(request.method, path, url.searchParams);
    const begunMs = this.core.clock.now();
    const auditId = request.headers.get('audit-id') || this.core.random.uuid();
    const audit = info && this.#audit?.begin(request, info, auditId);
    const ended = this.metrics.requests.begin(info);
    let answer: HttpAnswer;
    try {
      answer = await this.#handle(request, url, info, audit);
    } catch (error) {
      answer = this.#status(error, request);
    }
    audit?.answered(answer);
    ended(answer.status, (this.core.clock.now() - begunMs) / 1000);
    return withCommonHeaders(answer, auditId, this.core.clock.now());
  }

  async #handle(request: HttpRequest, url: URL, info?: RequestInfo, audit?: AuditedRequest): Promise<HttpAnswer> {
    if (!info) throw errors.badRequest('invalid percent-encoding in the path');
    const who = () => this.#access.whom(request, info, audit);
    return this.#limits.admit({ request, info, url }, who, ({ user, impersonator }) =>
      this.#flowControl.serve({ info, user, query: url.searchParams, request }, async (extend) => {
        try {
          const reading = this.#unread.reading(extend);
          return await this.#serve({ core: this.core, request, url, info, user, impersonator, audit, reading });
        } catch (error) {
          return this.#status(error, request);
        }
      }),
    );
  }

  #status(error: unknown, request: HttpRequest): HttpAnswer {
    return statusResponse(asApiError(error, this.core.log), request, this.core.codec.protobuf);
  }

  async #serve(call: Omit<RestRequest, 'definition' | 'subresource' | 'mayCreate' | 'mayGet'>): Promise<HttpAnswer> {
    const { request, url, info, user, audit } = call;
    const attributes = attributesOf(info, user);
    const waiting = this.#access.require(attributes, audit);
    if (waiting) await waiting;
    if (!info.isResource) {
      const dump = this.#flowControl.dump(info.path, url.searchParams);
      return dump === undefined ? this.#pages.answer(request, url, info) : plainText(dump);
    }
    // Only what is proxied has a path of its own below it.
    if (info.rest.length > 0 && info.subresource !== 'proxy') return this.#notServed(info);
    if (info.verb === 'proxy') return this.#notServed(info);

    const virtual = this.#virtual.get(`${info.group}/${info.version}/${info.resource}`);
    if (virtual?.namespaced && info.namespace === '') return this.#notServed(info);
    if (virtual && info.name === '') return createVirtual(this.core, virtual, request, url, info, user, audit);
    const definition = this.core.registry.find(info.group, info.version, info.resource);
    if (!definition) return emptyCollection(info) ?? this.#notServed(info);
    const subresource = info.subresource === '' ? undefined : subresourceOf(definition, info.subresource);
    if (!hasPath(definition, subresource, info)) return this.#notServed(info);
    const mayCreate = await this.#access.mayCreate(attributes);
    const mayGet = this.#access.mayGet(attributes);
    const authority = this.#access.authority(definition, attributes);
    const rest = { ...call, definition, subresource, mayCreate, mayGet, ...(authority ? { authority } : {}) };
    if (definition.deprecation === undefined) return this.#dispatch(rest);
    audit?.annotate('k8s.io/deprecated', 'true');
    const answer = await this.#dispatch(rest).catch((error: unknown) => this.#status(error, request));
    // What is not served cannot be deprecated.
    return answer.status === 405 ? answer : withWarning(answer, definition.deprecation);
  }

  /** Below what is served upstream answers with a Status, elsewhere with a page. */
  #notServed({ group }: RequestInfo): HttpAnswer {
    if (this.#discovery.has(group)) throw resourceNotFound();
    return pageNotFound();
  }

  async #dispatch(rest: RestRequest): Promise<HttpAnswer> {
    const { definition, subresource, info } = rest;
    const { method } = rest.request;
    // Upstream has routes for these two only where everything is passed on.
    if (info.subresource !== 'proxy' || !/^(HEAD|OPTIONS)$/.test(method)) {
      if (method === 'HEAD') throw methodNotAllowed();
      if (info.verb === 'watch' && method !== 'GET') throw methodNotAllowed();
      requireVerb(definition, subresource, info);
    }
    if (!isCollectionRead(info)) requireSegment(info.name);
    if (subresource?.behaviour.type === 'connect') return connectTo(rest, this.#connectors);
    if (definition.computed) return readComputed(rest, this.#computedFrom);
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
}
