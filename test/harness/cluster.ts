// A whole cluster in one process, from a seed and on virtual time: ledger, API server, controllers and scheduler as durable
// objects, a link and an agent on the simulated runtime for every node. The parts are the real ones; only what workers/
// and the kernel bring is replaced. Wired as workers/ does it: same calls, same repetitions.
//
// Everything that is decided follows from the seed. It does not simulate time spent computing, nor the size of messages.

import { Agent } from '../../node-agent/agent.ts';
import { simulatedParts } from '../../node-agent/build.ts';
import type { AgentConfig } from '../../node-agent/config.ts';
import type { StateFiles } from '../../node-agent/link/store.ts';
import { gateOf } from '../../node-agent/platform.ts';
import type { SimulatedRuntime } from '../../node-agent/runtime-simulated/index.ts';
import { ServerObject } from '../../src/apiserver/object/object.ts';
import { controllers } from '../../src/generated/controllers.ts';
import type { Change } from '../../src/ledger/types.ts';
import { ApiError, errors } from '../../src/machinery/errors.ts';
import { asApiError, type Outcome, statusResponse, unwrap } from '../../src/machinery/outcome.ts';
import type { NodeUsageRates } from '../../src/machinery/usage.ts';
import { type LinkState, NodeLinkCore } from '../../src/node-link/link.ts';
import { NodeRequests, nodePath } from '../../src/node-link/requests.ts';
import { type ClusterConfig, defaultClusterConfig, type Log } from '../../src/ports/index.ts';
import {
  type JoinResponse,
  joinRequest,
  type RenewResponse,
  type ReportResponse,
  renewRequest,
} from '../../src/protocol/node.ts';
import { type RemoteApi, remoteClient, remoteFeed } from '../../src/reconcile/remote.ts';
import { createRunner, type Runner } from '../../src/reconcile/runner.ts';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import { cipher, encryptionKeys } from './cipher.ts';
import { Disconnected, DurableHost, Life, World } from './objects.ts';
import { openSql, type TestSql } from './sql.ts';
import { SeededRandom, VirtualTime } from './time.ts';

export const adminToken = 'admin';
const bootstrapToken = { id: 'abcdef', secret: '0123456789abcdef' };
const url = 'https://cluster.test';

export interface ClusterOptions {
  seed: number;
  nodes: number;
  config?: Partial<ClusterConfig>;
  capacity?: AgentConfig['capacity'];
  /** Told of every commit, with the revision of the ledger then. */
  committed?(changes: readonly Change[], revision: number): void;
  /** Told when a container has been started. */
  started?(node: string, containerId: string): void;
  log?(component: string): Log;
}

const noStreams = {
  dial: () => Promise.reject(new Error('no streams here')),
  refuse: () => Promise.reject(new Error('no streams here')),
};
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface Answer {
  code: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  json: any;
}

export class SimulatedCluster {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly world: World;
  readonly config: ClusterConfig;
  readonly apiServer: DurableHost<ServerObject>;
  readonly controllerManager: DurableHost<Runner>;
  readonly scheduler: DurableHost<Scheduler>;
  readonly links = new Map<string, DurableHost<Link>>();
  readonly nodes: SimulatedNode[] = [];
  /** Those who use the cluster from outside; they never die. */
  readonly outside: Life;
  readonly #options: ClusterOptions;
  readonly #sqls: TestSql[] = [];

  constructor(options: ClusterOptions) {
    this.#options = options;
    const random = new SeededRandom(options.seed);
    this.random = random.fork();
    this.time = new VirtualTime(random.fork());
    this.world = new World(this.time, random.fork());
    this.outside = new Life('outside', this.time);
    this.config = { ...defaultClusterConfig, ...options.config };
    this.apiServer = this.#apiServerHost();
    this.controllerManager = this.#controllerManagerHost();
    this.scheduler = this.#schedulerHost();
    for (let i = 0; i < options.nodes; i++) this.nodes.push(new SimulatedNode(this, i, options));
  }

  log(component: string): Log {
    return this.#options.log?.(component) ?? silent;
  }

  /** Starts the control plane, makes the bootstrap token and starts the agents. */
  async start(): Promise<void> {
    const { id, secret } = bootstrapToken;
    const made = this.request('POST', '/api/v1/namespaces/kube-system/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `bootstrap-token-${id}` },
      type: 'bootstrap.kubernetes.io/token',
      stringData: { 'token-id': id, 'token-secret': secret, 'usage-bootstrap-authentication': 'true' },
    });
    await this.time.run(1_000);
    const { code, json } = await made;
    if (code !== 201) throw new Error(`no bootstrap token: ${code} ${JSON.stringify(json)}`);
    for (const node of this.nodes) node.start();
  }

  stop(): void {
    this.outside.end();
    for (const node of this.nodes) node.kill();
    for (const host of [this.apiServer, this.controllerManager, this.scheduler, ...this.links.values()]) host.evict();
    for (const sql of this.#sqls) sql.close();
  }

  /** A request as the administrator, over the gateway. Code 0: it broke off. Needs {@link VirtualTime.run} to get on. */
  async request(method: string, path: string, body?: unknown, type?: string): Promise<Answer> {
    const mediaType = type ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    try {
      const response = await this.fetch(
        this.outside,
        new Request(url + path, {
          method,
          headers: { authorization: `Bearer ${adminToken}`, 'content-type': mediaType },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      const text = await response.text();
      return { code: response.status, json: JSON.parse(text) };
    } catch (error) {
      return { code: 0, json: { message: String(error) } };
    }
  }

  /** The gateway. */
  async fetch(from: Life, request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const log = this.log('gateway');
    try {
      if (pathname === '/tiffin.dev/v1/join') {
        const body = joinRequest.parse(await request.json());
        const joined = await this.apiServer.call(from, 'join', (object) => object.join(body));
        return Response.json(unwrap(joined as Outcome<JoinResponse>));
      }
      if (pathname === '/tiffin.dev/v1/renew') {
        const { credential } = renewRequest.parse(await request.json());
        const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '') ?? [];
        const renewed = await this.apiServer.call(from, 'renew', (object) => object.renew(token, credential), true);
        return Response.json(unwrap(renewed as Outcome<RenewResponse>));
      }
      const asked = nodePath(pathname);
      if (asked) return await this.link(asked.node).call(from, asked.what, (link) => link.fetch(request));
      return await this.apiServer.call(from, 'fetch', (object) => object.fetch(request));
    } catch (error) {
      if (error instanceof Disconnected) throw error;
      return statusResponse(asApiError(log, pathname, error));
    }
  }

  link(node: string): DurableHost<Link> {
    let host = this.links.get(node);
    if (!host) {
      const storage: { state?: LinkState } = {};
      host = new DurableHost<Link>(this.world, `link-${node}`, (life, alarm) => ({
        instance: new Link(this, life, alarm, storage),
      }));
      this.links.set(node, host);
    }
    return host;
  }

  #sql(): TestSql {
    const sql = openSql();
    this.#sqls.push(sql);
    return sql;
  }

  #apiServerHost(): DurableHost<ServerObject> {
    const sql = this.#sql();
    return new DurableHost(this.world, 'api-server', (life, alarm) => {
      const instance = new ServerObject({
        sql: life.sql(sql),
        alarm,
        timers: life.timers,
        random: this.random,
        config: this.config,
        log: life.log(this.log('api-server')),
        epoch: 'the-one',
        adminToken,
        encryption: { cipher, keys: encryptionKeys('first') },
        peers: {
          controllerManager: {
            poke: async (revision) =>
              (await this.controllerManager.call(life, 'poke', (runner) => runner.poke(revision), true)).cursor,
            nudge: (revision) => this.controllerManager.call(life, 'nudge', (runner) => void runner.poke(revision)),
          },
          scheduler: {
            poke: async (revision) =>
              (await this.scheduler.call(life, 'poke', (scheduler) => scheduler.poke(revision), true)).cursor,
            nudge: (revision) => this.scheduler.call(life, 'nudge', (scheduler) => void scheduler.poke(revision)),
          },
          link: (node) => ({
            poke: (revision) => this.link(node).call(life, 'poke', (link) => link.poke(revision), true),
            usage: () => this.link(node).call(life, 'usage', (link) => link.usage(), true),
            credentialChanged: () =>
              this.link(node).call(life, 'credentialChanged', (link) => link.requests.credentialChanged(), true),
          }),
        },
        signer: {
          ca: 'the CA',
          agree: async () => {
            throw errors.unavailable('simulated nodes trust the connection');
          },
          sign: async () => {
            throw errors.unavailable('simulated nodes serve nothing');
          },
        },
        waitUntil: () => undefined,
      });
      instance.ledger.subscribe((changes, revision) => this.#options.committed?.(changes, revision));
      return { instance, ready: instance.start() };
    });
  }

  #remote(life: Life): RemoteApi {
    return {
      read: (user, reads) =>
        this.apiServer.call(life, 'read', (object) => object.read(user, structuredClone(reads)), true),
      write: (user, writes) =>
        this.apiServer.call(life, 'write', (object) => object.write(user, structuredClone(writes))),
      feed: (follower, after, interest, limit, of) =>
        this.apiServer.call(life, 'feed', (object) => object.feed(follower, after, interest, limit, of), true),
    };
  }

  #controllerManagerHost(): DurableHost<Runner> {
    const sql = this.#sql();
    return new DurableHost(this.world, 'controller-manager', (life, alarm) => {
      const api = this.#remote(life);
      const clientFor = (name: string) => remoteClient(api, `system:serviceaccount:kube-system:${name}`);
      return {
        instance: createRunner({
          sql: life.sql(sql),
          clock: life.timers,
          random: this.random,
          config: this.config,
          log: life.log(this.log('controller-manager')),
          client: remoteClient(api, 'system:kube-controller-manager'),
          clientFor,
          feed: remoteFeed(api, 'controller-manager'),
          controllers: controllers.map((create) =>
            create({
              contacts: {
                lastContact: (node) => this.link(node).call(life, 'lastContact', (link) => link.lastContact(), true),
              },
              caCertificate: 'the CA',
            }),
          ),
          alarm,
        }),
      };
    });
  }

  #schedulerHost(): DurableHost<Scheduler> {
    return new DurableHost(this.world, 'scheduler', (life, alarm) => {
      const api = this.#remote(life);
      return {
        instance: createScheduler({
          clock: life.timers,
          random: this.random,
          log: life.log(this.log('scheduler')),
          client: remoteClient(api, 'system:kube-scheduler'),
          feed: remoteFeed(api, 'scheduler'),
          alarm,
        }),
      };
    });
  }
}

/** What workers/node-link is, without streams. */
class Link {
  readonly requests: NodeRequests;
  readonly #cluster: SimulatedCluster;
  readonly #life: Life;
  readonly #alarm: { set(atMs: number | undefined): void };
  readonly #storage: { state?: LinkState };
  #core: NodeLinkCore | undefined;

  constructor(
    cluster: SimulatedCluster,
    life: Life,
    alarm: { set(atMs: number | undefined): void },
    storage: { state?: LinkState },
  ) {
    this.#cluster = cluster;
    this.#life = life;
    this.#alarm = alarm;
    this.#storage = storage;
    const { apiServer } = cluster;
    this.requests = new NodeRequests(
      {
        nodeOfCredential: async (token) =>
          unwrap(await apiServer.call(life, 'nodeOfCredential', (object) => object.nodeOfCredential(token), true)),
        report: async (node, writes) =>
          unwrap(
            (await apiServer.call(life, 'report', (object) =>
              object.report(node, structuredClone(writes)),
            )) as Outcome<ReportResponse>,
          ),
        signServing: async () => {
          throw new ApiError('NotFound', 'simulated nodes serve nothing');
        },
      },
      life.timers,
      (node) => this.#of(node),
    );
    if (storage.state) this.#core = this.#build(storage.state);
  }

  async fetch(request: Request): Promise<Response> {
    try {
      const asked = nodePath(new URL(request.url).pathname);
      if (!asked) throw new ApiError('NotFound', 'the server could not find the requested resource');
      await this.requests.authenticate(request, asked.node);
      return await this.requests.answer(request, asked.node, asked.what);
    } catch (error) {
      return statusResponse(asApiError(this.#life.log(this.#cluster.log('node-link')), 'node request', error));
    }
  }

  poke(revision: number): { serviceRevision: number } {
    return this.#core?.poke(revision) ?? { serviceRevision: 0 };
  }

  lastContact(): number | undefined {
    return this.#core?.lastContact();
  }

  usage(): NodeUsageRates {
    return this.#core?.usage() ?? { pods: [] };
  }

  async alarm(): Promise<void> {
    await this.#core?.alarm();
  }

  #of(node: string): NodeLinkCore {
    this.#core ??= this.#build({ node, contact: 'unknown' });
    return this.#core;
  }

  #build(state: LinkState): NodeLinkCore {
    const { apiServer, controllerManager, config } = this.#cluster;
    const life = this.#life;
    const changed = (node: string): Promise<void> =>
      controllerManager.call(life, 'nodeContactChanged', (runner) => runner.enqueue('node-controller', node), true);
    return new NodeLinkCore({
      state,
      save: (next) => {
        if (life.alive) this.#storage.state = next;
      },
      timers: life.timers,
      alarm: this.#alarm,
      log: life.log(this.#cluster.log('node-link')),
      config,
      upstream: {
        changes: async (request) =>
          unwrap(await apiServer.call(life, 'nodeNews', (object) => object.nodeNews(request), true)),
        silent: changed,
        alive: changed,
      },
    });
  }
}

/** A machine: what outlives its agent is the runtime and the disk. */
export class SimulatedNode {
  readonly name: string;
  readonly #cluster: SimulatedCluster;
  readonly #index: number;
  readonly #options: ClusterOptions;
  readonly #disk = new Map<string, string>();
  #runtime: SimulatedRuntime | undefined;
  #life: Life | undefined;
  /** Requests that wait for an answer: what nobody holds on to is collected, and its time limit with it. */
  readonly #waiting = new Set<Request>();
  /** Nothing gets through, in either direction. */
  cut = false;

  constructor(cluster: SimulatedCluster, index: number, options: ClusterOptions) {
    this.#cluster = cluster;
    this.#index = index;
    this.#options = options;
    this.name = `node-${index}`;
  }

  get running(): boolean {
    return this.#life?.alive === true;
  }

  /** As the kernel sees it, whoever is asking. */
  get runtime(): SimulatedRuntime | undefined {
    return this.#runtime;
  }

  start(): void {
    const { time, random } = this.#cluster;
    const life = new Life(this.name, time);
    this.#life = life;
    const config: AgentConfig = {
      nodeName: 'node',
      url,
      stateDir: '/nowhere',
      runDir: '/nowhere',
      bootstrapToken: `${bootstrapToken.id}.${bootstrapToken.secret}`,
      address: '',
      networkId: 'sim',
      ...(this.#options.capacity ? { capacity: this.#options.capacity } : {}),
    };
    const gate = gateOf(10);
    const log = life.log(this.#cluster.log(this.name));
    const parts = simulatedParts(
      config,
      this.#index,
      {
        timers: life.timers,
        random,
        log: () => log,
        fetch: (request) => life.guard(this.#fetch(life, request)),
        dial: () => noStreams,
      },
      gate,
    );
    // The machine's, not the process's: its timers go on when the agent ends.
    this.#runtime ??= simulatedParts(
      config,
      this.#index,
      {
        timers: time,
        random,
        log: () => log,
        fetch: () => Promise.reject(new Error('')),
        dial: () => noStreams,
      },
      gate,
    ).runtime;
    const agent = new Agent({ ...parts, runtime: this.#slow(life), files: this.#files(life) });
    agent.start().catch((error) => log.error('the agent did not start', { error: String(error) }));
  }

  /** As by `kill -9`: containers run on. */
  kill(): void {
    this.#life?.end();
    this.#runtime?.close();
  }

  #slow(life: Life): SimulatedRuntime {
    const runtime = this.#runtime!;
    const { time, random } = this.#cluster;
    const started = this.#options.started;
    const slow = new Proxy(runtime, {
      get: (_, key) => {
        const value = Reflect.get(runtime, key, runtime);
        if (typeof value !== 'function') return value;
        if (key === 'watch' || key === 'close') return value.bind(runtime);
        return async (...args: unknown[]) => {
          await time.sleep(random.int(30));
          const result = await value.apply(runtime, args);
          if (key === 'startContainer') started?.(this.name, args[0] as string);
          await time.sleep(random.int(30));
          return result;
        };
      },
    });
    return life.wrap(slow);
  }

  #files(life: Life): StateFiles {
    const { time, random } = this.#cluster;
    return life.wrap({
      read: async (name: string) => this.#disk.get(name),
      write: async (name: string, text: string) => {
        await time.sleep(random.int(20));
        if (!life.alive) return;
        this.#disk.set(name, text);
      },
    });
  }

  async #fetch(life: Life, request: Request): Promise<Response> {
    this.#waiting.add(request);
    try {
      return await new Promise<Response>((resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(new Error('aborted')));
        if (this.cut) return;
        this.#cluster.fetch(life, request).then(
          (response) => {
            if (!this.cut) resolve(response);
          },
          (error) => {
            if (!this.cut) reject(error);
          },
        );
      });
    } finally {
      this.#waiting.delete(request);
    }
  }
}
