// The Durable Object that is the API server: the ledger on its own SQLite, the core API server over it, what nodes are
// told, and the pokes to everyone who follows the ledger. Its one alarm serves the repair of lost pokes, compaction and
// the expiry of events; with nothing of these due, none is armed.
import { DurableObject } from 'cloudflare:workers';
import { servingRequest } from '../../src/apiserver/nodes/certificate.ts';
import { concernedNodes, type NodeChanges, nodeChanges } from '../../src/apiserver/nodes/changes.ts';
import { nodeOfCredential } from '../../src/apiserver/nodes/credentials.ts';
import { DrainTracker } from '../../src/apiserver/nodes/drain.ts';
import { join } from '../../src/apiserver/nodes/join.ts';
import { logTarget } from '../../src/apiserver/nodes/logs.ts';
import { entries, keyRange, splitKey } from '../../src/apiserver/nodes/objects.ts';
import { applyNodeWrites } from '../../src/apiserver/nodes/writes.ts';
import { ApiServer, type Connection } from '../../src/apiserver/server.ts';
import { resources } from '../../src/generated/resources.ts';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { nodes } from '../../src/generated/schemas/index.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import type { Change, Ledger } from '../../src/ledger/types.ts';
import { ApiError } from '../../src/machinery/errors.ts';
import { groupResource, type KubeObject } from '../../src/machinery/meta.ts';
import type { NodeNews } from '../../src/node-link/link.ts';
import type { JoinRequest, JoinResponse, NodeWrite, ReportResponse } from '../../src/protocol/node.ts';
import type { Feed, Write, WriteOutcome } from '../../src/reconcile/types.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerRandom, workerTimers } from '../adapters/ambient.ts';
import { Deadlines } from '../adapters/deadlines.ts';
import { groupCommit } from '../adapters/group-commit.ts';
import { asApiError, type Outcome, outcome, statusResponse } from '../adapters/outcome.ts';
import type { Read, ReadResult } from '../adapters/remote-client.ts';
import { certificateSigner } from '../adapters/signer.ts';
import { durableSql } from '../adapters/sql.ts';
import { callObject } from '../adapters/stubs.ts';
import { clusterConfig, type Env, mainObject } from '../env.ts';
import { relayResponse } from '../gateway/relay.ts';
import { concernsControllers, concernsScheduler } from './concerns.ts';
import { type Consumer, Poker } from './poker.ts';

const repairMs = 5_000;
const repairMaxMs = 60_000;
const expireBatchMs = 10_000;
const controllerManager = 'controller-manager';
const scheduler = 'scheduler';
const linkPrefix = 'node/';
const log = workerLog('api-server');
/** Kinds whose objects expire. */
const mortal = resources.filter((definition) => definition.timeToLiveMs !== undefined);
const mortalNames = new Set(mortal.map(groupResource));

export class ApiServerObject extends DurableObject<Env> {
  readonly #config;
  readonly #ledger: Ledger;
  readonly #server: ApiServer;
  readonly #alarm: DurableAlarm;
  readonly #deadlines: Deadlines;
  readonly #poker: Poker;
  readonly #signer;
  readonly #drain = new DrainTracker();
  /** Tells this ledger from one that was wiped: cursors of another epoch mean nothing. */
  readonly #epoch: string;
  #repairFailures = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = clusterConfig(env);
    const sql = durableSql(ctx.storage);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
    this.#deadlines = new Deadlines(sql, this.#alarm);
    this.#epoch = ctx.storage.kv.get<string>('epoch') ?? workerRandom.uuid();
    ctx.storage.kv.put('epoch', this.#epoch);
    this.#ledger = createLedger({ sql, clock: workerTimers, config: this.#config, schedule: groupCommit(ctx.storage) });
    this.#signer = certificateSigner(env.CLUSTER_CA_CERT, env.CLUSTER_CA_KEY, workerTimers);
    this.#server = new ApiServer({
      ledger: this.#ledger,
      clock: workerTimers,
      timers: workerTimers,
      random: workerRandom,
      config: this.#config,
      log,
      adminToken: env.ADMIN_TOKEN,
      serviceAccountKey: env.SERVICE_ACCOUNT_KEY,
      connect: async (_request, connection) => connect(connection),
    });
    this.#poker = new Poker({
      consumer: (name) => this.#consumer(name),
      waitUntil: (work) => ctx.waitUntil(work),
      later: (delayMs, work) => void workerTimers.after(delayMs, work),
      armRepair: () => this.#armRepair(),
      onFailure: (name, error) => log.warn('poke failed', { consumer: name, error: String(error) }),
    });
    this.#ledger.subscribe((changes, revision) => this.#committed(changes, revision));
    ctx.blockConcurrencyWhile(() => this.#start());
  }

  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.#server.fetch(request);
    } catch (error) {
      return statusResponse(asApiError(log, `${request.method} ${new URL(request.url).pathname}`, error));
    }
  }

  // What controllers and the scheduler call.

  async read(user: string, reads: Read[]): Promise<ReadResult[]> {
    const client = this.#server.client(user);
    return Promise.all(
      reads.map((read) =>
        outcome<KubeObject | KubeObject[] | undefined>(log, 'read', () =>
          read.type === 'get'
            ? client.get(read.resource, read.namespace, read.name)
            : client.list(read.resource, read.query),
        ),
      ),
    );
  }

  async write(user: string, writes: Write[]): Promise<WriteOutcome[]> {
    return this.#server.client(user).write(writes);
  }

  feed(after: number, resources: string[], limit: number): Promise<Outcome<Awaited<ReturnType<Feed['changes']>>>> {
    return outcome(log, 'feed', () => this.#server.feed.changes(after, resources, limit));
  }

  // What nodes' links call.

  async join(request: JoinRequest): Promise<Outcome<JoinResponse>> {
    return outcome(log, 'join', async () => {
      const deps = { ledger: this.#ledger, clock: workerTimers, random: workerRandom, config: this.#config };
      const answer = await join({ ...deps, ca: this.#signer.ca }, request);
      await callObject(this.env.NODE_LINK, request.nodeName, (stub) => stub.credentialChanged(), { idempotent: true });
      return answer;
    });
  }

  /** The node whose credential this is; null: nobody's. */
  async nodeOfCredential(token: string): Promise<Outcome<string | null>> {
    return outcome(log, 'credential', async () => (await nodeOfCredential(this.#ledger, token)) ?? null);
  }

  async nodeNews(request: {
    node: string;
    since: number;
    epoch: string;
    serviceRevision: number;
  }): Promise<Outcome<NodeNews>> {
    return outcome(log, 'node news', () => {
      const ofThisLedger = request.epoch === this.#epoch;
      if (ofThisLedger) this.#acknowledge(request.node, request.serviceRevision);
      const news: NodeChanges = nodeChanges(this.#ledger, request.node, ofThisLedger ? request.since : 0);
      return { ...news, epoch: this.#epoch, drained: this.#drain.drained(this.#ledger, request.node) };
    });
  }

  async report(node: string, writes: NodeWrite[]): Promise<Outcome<ReportResponse>> {
    return outcome(log, 'report', () =>
      applyNodeWrites({ client: this.#server.client(`system:node:${node}`), clock: workerTimers, log }, node, writes),
    );
  }

  async signServing(
    node: string,
    csr: string,
  ): Promise<Outcome<{ certificate: string; ca: string; notAfter: string }>> {
    return outcome(log, 'certificate', async () => {
      const signed = await this.#signer.sign(servingRequest(node, csr, this.#config));
      return { ...signed, ca: this.#signer.ca };
    });
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarm.fired(info);
    const now = workerTimers.now();
    for (const name of this.#deadlines.take(now)) {
      try {
        if (name === 'repair') await this.#repair();
        else if (name === 'compact') this.#compact();
        else if (name === 'expire') await this.#expire();
        else this.#deadlines.set(name, undefined);
      } catch (error) {
        // Recorded and tried again: an alarm that throws is retried six times by the runtime and then forgotten.
        log.error('alarm failed', { deadline: name, error: String(error) });
        this.#deadlines.set(name, workerTimers.now() + repairMaxMs);
      }
    }
    this.#deadlines.arm();
  }

  async #start(): Promise<void> {
    // A deadline whose alarm was lost (it ran out of retries, or lies in the past) is armed again.
    this.#deadlines.arm();
    try {
      await this.#server.start();
    } catch (error) {
      log.error('system objects could not be created', { error: String(error) });
    }
  }

  // Called in the turn of the commit, so that the repair deadline is part of the same write to disk.
  #committed(changes: readonly Change[], revision: number): void {
    this.#drain.observe(changes);
    if (concernsControllers(changes)) this.#poker.want(controllerManager, revision);
    if (concernsScheduler(changes)) this.#poker.want(scheduler, revision);
    const concerned = concernedNodes(this.#ledger, changes);
    if (concerned.all)
      for (const entry of entries(this.#ledger, keyRange(nodes))) concerned.names.add(splitKey(entry.key).name);
    for (const name of concerned.names) this.#poker.want(linkPrefix + name, revision);
    if (this.#deadlines.get('compact') === undefined)
      this.#deadlines.set('compact', workerTimers.now() + this.#config.historyMs);
    if (
      this.#deadlines.get('expire') === undefined &&
      changes.some((change) => mortalNames.has(splitKey(change.key).resource))
    )
      this.#deadlines.set('expire', workerTimers.now() + this.#config.eventTtlMs + expireBatchMs);
  }

  #acknowledge(node: string, serviceRevision: number): void {
    for (const owner of this.#drain.acknowledge(node, serviceRevision))
      this.#poker.want(linkPrefix + owner, this.#ledger.revision);
  }

  #consumer(name: string): Consumer {
    if (name.startsWith(linkPrefix)) {
      const node = name.slice(linkPrefix.length);
      return {
        poke: async (revision) => {
          const { serviceRevision } = await callObject(this.env.NODE_LINK, node, (stub) => stub.poke(revision), {
            idempotent: true,
          });
          this.#acknowledge(node, serviceRevision);
          return revision;
        },
      };
    }
    const namespace = name === scheduler ? this.env.SCHEDULER : this.env.CONTROLLER_MANAGER;
    return {
      poke: (revision) =>
        callObject(namespace, mainObject, async (stub) => (await stub.poke(revision)).cursor, { idempotent: true }),
      nudge: (revision) => callObject(namespace, mainObject, (stub) => stub.nudge(revision)),
    };
  }

  #armRepair(): void {
    if (this.#deadlines.get('repair') === undefined) this.#deadlines.set('repair', workerTimers.now() + repairMs);
  }

  async #repair(): Promise<void> {
    if (!this.#poker.active) {
      // A new life of this object: whose poke was lost is not known, so everyone is poked once.
      const { revision } = this.#ledger;
      this.#poker.want(controllerManager, revision);
      this.#poker.want(scheduler, revision);
      for (const entry of entries(this.#ledger, keyRange(nodes)))
        this.#poker.want(linkPrefix + splitKey(entry.key).name, revision);
    }
    const caughtUp = await this.#poker.repair();
    this.#repairFailures = caughtUp ? 0 : this.#repairFailures + 1;
    const again = Math.min(repairMaxMs, repairMs * 2 ** Math.min(this.#repairFailures, 10));
    this.#deadlines.set('repair', caughtUp ? undefined : workerTimers.now() + again);
  }

  #compact(): void {
    this.#deadlines.set('compact', this.#ledger.compactDue(workerTimers.now()));
  }

  async #expire(): Promise<void> {
    this.#deadlines.set('expire', await this.#server.expire());
  }
}

/** An authorised stream: the gateway is told which node's link to connect the client to. */
function connect({ object, subresource, options }: Connection): Response {
  if (subresource !== 'log') throw new ApiError('NotFound', `${subresource} is not served yet`);
  const target = logTarget(object as Pod, options, workerRandom.uuid());
  return target ? relayResponse(target) : new Response('', { headers: { 'content-type': 'text/plain' } });
}
