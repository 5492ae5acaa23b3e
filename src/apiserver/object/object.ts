// The API server as one durable object, without its runtime: the ledger on the object's SQLite, the server over it, what
// nodes are told and may write, and pokes to everyone who follows the ledger. Its one alarm serves the repair of lost
// pokes, compaction and the expiry of events; with nothing of these due, none is armed.
// It does not restart itself and calls no one but through `peers`; a deployment and a simulation bring both.

import { resources } from '../../generated/resources.ts';
import { createLedger } from '../../ledger/ledger.ts';
import type { Change, Ledger } from '../../ledger/types.ts';
import type { HttpAnswer, HttpRequest } from '../../machinery/http.ts';
import { groupResource, type KubeObject } from '../../machinery/meta.ts';
import { type Outcome, outcome } from '../../machinery/outcome.ts';
import type {
  JoinRequest,
  JoinResponse,
  NodeWrite,
  RenewResponse,
  ReportResponse,
  SealedMessage,
} from '../../protocol/node.ts';
import type { Interest } from '../../reconcile/interest.ts';
import type { FeedPage, Follower, ListPage, Read, ReadResult, RemoteApi } from '../../reconcile/remote.ts';
import type { Owned, Write, WriteOutcome } from '../../reconcile/types.ts';
import { secretToken } from '../authn/service-account/secret-token.ts';
import { nodeUser } from '../authz/node-identity.ts';
import { driftsFromBootstrap, undoesBootstrap } from '../bootstrap.ts';
import { listPage } from '../client.ts';
import { Encryption, encryptionFamilies, encryptionProblem } from '../encryption/encryption.ts';
import { gauge, labels } from '../metrics/families.ts';
import { servingRequest } from '../nodes/certificate.ts';
import { type NodeChanges, nodeChanges } from '../nodes/changes.ts';
import { nodeOfCredential, renewCredential } from '../nodes/credentials.ts';
import { DrainTracker } from '../nodes/drain.ts';
import { splitKey } from '../nodes/objects.ts';
import { RecentChanges } from '../nodes/recent.ts';
import { referencesIn } from '../nodes/reference-index.ts';
import { applyNodeWrites } from '../nodes/writes.ts';
import { ledgerProblem } from '../pages/health.ts';
import { ApiServer } from '../server.ts';
import { Contacts } from './contacts.ts';
import { Deadlines } from './deadlines.ts';
import { Followers } from './followers.ts';
import { Lives } from './lives.ts';
import { NodeAccess } from './node-access.ts';
import type { ServerObjectOptions } from './options.ts';
import type { NodeNewsRequest, Peers } from './peers.ts';
import { Resealing } from './resealing.ts';
import { Usage } from './usage.ts';

export type { NodeNewsRequest, Peers };

/** After an alarm that failed. */
const alarmRetryMs = 60_000;
const expireBatchMs = 10_000;
/** How long what every cluster holds may be otherwise than it should. */
const driftMs = 60_000;
/** Kinds whose objects expire. */
const mortalNames = new Set(resources.filter((definition) => definition.timeToLiveMs !== undefined).map(groupResource));

export class ServerObject implements RemoteApi {
  readonly ledger: Ledger;
  readonly server: ApiServer;
  readonly #options: ServerObjectOptions;
  readonly #deadlines: Deadlines;
  readonly #followers: Followers;
  readonly #drain = new DrainTracker();
  readonly #recent: RecentChanges;
  readonly #contacts: Contacts;
  readonly #usage: Usage;
  readonly #access: NodeAccess;
  readonly #lives: Lives;
  readonly #resealing: Resealing;

  constructor(options: ServerObjectOptions) {
    this.#options = options;
    const { sql, timers, random, config, log, adminToken, serviceAccountKey, schedule, stream } = options;
    this.#deadlines = new Deadlines(sql, options.alarm);
    const encryption =
      options.encryption && new Encryption({ ...options.encryption, configuration: options.configuration });
    const sealing = encryption?.sealing;
    this.ledger = createLedger({
      sql,
      clock: timers,
      config,
      ...(schedule ? { schedule } : {}),
      ...(sealing ? { sealing } : {}),
    });
    this.#resealing = new Resealing(this.ledger, this.#deadlines, timers, log);
    this.#lives = new Lives(sql, random, this.ledger.revision);
    this.#contacts = new Contacts(
      timers,
      config.nodeHeartbeatMs,
      async (node) => await options.peers.link(node).lastContact?.(),
    );
    this.#usage = new Usage(timers, async (node) => await options.peers.link(node).usage?.());
    this.#access = new NodeAccess({
      server: () => this.server,
      signer: options.signer,
      contacts: this.#contacts,
      credentialChanged: (node) => options.peers.link(node).credentialChanged(),
    });
    this.#recent = new RecentChanges(this.ledger.revision, referencesIn(this.ledger));
    this.#followers = new Followers({
      ledger: this.ledger,
      deadlines: this.#deadlines,
      timers,
      log,
      peers: options.peers,
      recent: this.#recent,
      drain: this.#drain,
      waitUntil: options.waitUntil,
    });
    this.server = new ApiServer({
      ledger: this.ledger,
      clock: timers,
      timers,
      random,
      config,
      log,
      contacts: this.#contacts,
      usage: this.#usage,
      components: {
        'controller-manager': () => this.#followers.problem('controller-manager'),
        scheduler: () => this.#followers.problem('scheduler'),
        'etcd-0': () => ledgerProblem(this.ledger),
      },
      checks: { encryption: () => encryptionProblem(this.ledger) },
      ...(encryption
        ? { keyFamilies: { encryption: encryption.keyFamily(this.ledger, () => this.#resealing.begin()) } }
        : {}),
      ...(adminToken === undefined ? {} : { adminToken }),
      ...(serviceAccountKey === undefined ? {} : { serviceAccountKey }),
      ...(options.configuration ? { configuration: options.configuration } : {}),
      ...(options.fetch ? { fetch: options.fetch } : {}),
      ...(options.audit ? { audit: options.audit } : {}),
      revokeNode: (node) => this.#access.revoke(node),
      ...(stream ? { stream } : {}),
    });
    this.server.metrics.add(
      gauge('workqueue_depth', '[ALPHA] Current depth of workqueue', () => [
        [labels({ name: 'consumers-behind' }), this.#followers.behind],
      ]),
    );
    this.server.metrics.add(...encryptionFamilies(this.ledger));
    this.ledger.subscribe((changes, revision) => this.#committed(changes, revision));
    this.#resealing.begin();
  }

  /** Before any request is taken. Never rejects. */
  async start(): Promise<void> {
    // A deadline whose alarm was lost (it ran out of retries, or lies in the past) is armed again.
    this.#deadlines.arm();
    try {
      await this.server.start();
    } catch (error) {
      this.#options.log.error('system objects could not be created', { error: String(error) });
    }
  }

  fetch(request: Request): Promise<Response> {
    return this.server.fetch(request);
  }

  answer(request: HttpRequest): Promise<HttpAnswer> {
    return this.server.answer(request);
  }

  // What controllers and the scheduler call.

  async read(user: string, reads: Read[]): Promise<ReadResult[]> {
    const client = this.server.client(user);
    return Promise.all(
      reads.map((read) =>
        outcome<KubeObject | ListPage | Owned[] | undefined>(this.#options.log, 'read', () => {
          if (read.type === 'owned') return client.owned(read.ownerUid);
          return read.type === 'get'
            ? client.get(read.resource, read.namespace, read.name)
            : listPage(this.server.core, read.resource, read.query, read.from);
        }),
      ),
    );
  }

  async write(user: string, writes: Write[]): Promise<WriteOutcome[]> {
    return this.server.client(user).write(writes);
  }

  secretToken(namespace: string, secret: string): Promise<Outcome<string>> {
    return outcome(this.#options.log, 'token', () =>
      secretToken(this.server.issuer?.signer, this.ledger, namespace, secret),
    );
  }

  feed(
    follower: Follower,
    after: number,
    interest: Interest,
    limit: number,
    life?: string,
  ): Promise<Outcome<FeedPage>> {
    this.#followers.interested(follower, interest);
    return outcome(this.#options.log, 'feed', async () => {
      const known = life === undefined || this.#isOfThisLedger(life, after);
      const current = this.ledger.revision;
      const page = known
        ? await this.server.feed.changes(after, interest, limit)
        : { changes: [], through: current, reset: true, current };
      return { ...page, life: this.#epoch };
    });
  }

  // What nodes' links and the gateway call.

  async join(request: JoinRequest | SealedMessage): Promise<Outcome<JoinResponse | SealedMessage>> {
    const { log } = this.#options;
    return outcome(log, 'join', () => this.#access.join(request));
  }

  /** The node whose credential this is; null: nobody's. */
  async nodeOfCredential(token: string): Promise<Outcome<string | null>> {
    const { log, timers } = this.#options;
    return outcome(log, 'credential', async () => (await nodeOfCredential(this.ledger, timers, token)) ?? null);
  }

  /** Lets a node's credential be followed by another that the node made. */
  async renew(token: string, next: string): Promise<Outcome<RenewResponse>> {
    const { log, config } = this.#options;
    return outcome(log, 'renewal', async () => {
      await renewCredential(this.server.core, token, next);
      return { lifetimeMs: config.nodeCredentialMs };
    });
  }

  async nodeNews(request: NodeNewsRequest): Promise<Outcome<NodeChanges & { epoch: string; drained: string[] }>> {
    const { log } = this.#options;
    const epoch = this.#epoch;
    return outcome(log, 'node news', () => {
      this.#access.require(request.node);
      // The link asks on behalf of a poll, which it holds for a heartbeat at most.
      this.#contacts.heard(request.node, this.#options.config.nodeHeartbeatMs);
      const ofThisLedger = this.#isOfThisLedger(request.epoch, request.since);
      if (ofThisLedger) this.#followers.acknowledge(request.node, request.serviceRevision);
      const news = nodeChanges(this.ledger, request.node, ofThisLedger ? request.since : 0, this.#recent);
      return { ...news, epoch, drained: this.#drain.drained(this.ledger, request.node) };
    });
  }

  /** Names what cursors of this life are of. */
  get #epoch(): string {
    return `${this.#options.epoch}/${this.#lives.current}`;
  }

  /** Whether a cursor is of this ledger: not of one that was wiped, nor of one of which this is an older copy. */
  #isOfThisLedger(epoch: string, revision: number): boolean {
    const prefix = `${this.#options.epoch}/`;
    return epoch.startsWith(prefix) && this.#lives.holds(epoch.slice(prefix.length), revision);
  }

  async report(node: string, writes: NodeWrite[]): Promise<Outcome<ReportResponse>> {
    const { timers: clock, log } = this.#options;
    this.#contacts.heard(node);
    return outcome(log, 'report', () => {
      this.#access.require(node);
      return applyNodeWrites({ client: this.server.client(nodeUser(node)), clock, log }, node, writes);
    });
  }

  async signServing(
    node: string,
    csr: string,
  ): Promise<Outcome<{ certificate: string; ca: string; notAfter: string }>> {
    const { signer, config, log } = this.#options;
    return outcome(log, 'certificate', async () => {
      this.#access.require(node);
      const signed = await signer.sign(servingRequest(node, csr, config));
      return { ...signed, ca: signer.ca };
    });
  }

  /** The alarm fired. Never rejects: an alarm that fails is retried a few times by the runtime and then forgotten. */
  async alarm(): Promise<void> {
    const { timers, log } = this.#options;
    for (const name of this.#deadlines.take(timers.now())) {
      try {
        if (name === 'repair') await this.#followers.repair();
        else if (name === 'compact') await this.#compact();
        else if (name === 'expire') this.#deadlines.set('expire', await this.server.expire());
        else if (name === 'reseal') this.#resealing.run();
        else if (name === 'drift') {
          this.#deadlines.set('drift', undefined);
          await this.server.start();
        } else this.#deadlines.set(name, undefined);
      } catch (error) {
        log.error('alarm failed', { deadline: name, error: String(error) });
        this.#deadlines.set(name, timers.now() + alarmRetryMs);
      }
    }
    this.#deadlines.arm();
  }

  // Called in the turn of the commit, so that the repair deadline is part of the same write to disk.
  #committed(changes: readonly Change[], revision: number): void {
    const { timers, config } = this.#options;
    this.#drain.observe(changes);
    if (changes.some((change) => undoesBootstrap(this.server.core.registry, change)))
      this.#options.waitUntil(this.start());
    if (
      this.#deadlines.get('drift') === undefined &&
      changes.some((change) => driftsFromBootstrap(this.server.core, change))
    )
      this.#deadlines.set('drift', timers.now() + driftMs);
    this.#followers.committed(changes, revision);
    if (this.#deadlines.get('compact') === undefined) this.#deadlines.set('compact', timers.now() + config.historyMs);
    if (
      this.#deadlines.get('expire') === undefined &&
      changes.some((change) => mortalNames.has(splitKey(change.key).resource))
    )
      this.#deadlines.set('expire', timers.now() + config.eventTtlMs + expireBatchMs);
  }

  async #compact(): Promise<void> {
    await this.#followers.catchUp();
    this.#deadlines.set('compact', this.ledger.compactDue(this.#options.timers.now()));
  }
}
