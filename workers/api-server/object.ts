// The Durable Object that is the API server: src/apiserver/object on the runtime.
import { DurableObject } from 'cloudflare:workers';
import { type NodeNewsRequest, type Peers, ServerObject } from '../../src/apiserver/object/object.ts';
import { asApiError, type Outcome, statusResponse } from '../../src/machinery/outcome.ts';
import type { NodeNews } from '../../src/node-link/link.ts';
import type {
  JoinRequest,
  JoinResponse,
  NodeWrite,
  RenewResponse,
  ReportResponse,
  SealedMessage,
} from '../../src/protocol/node.ts';
import type { FeedPage, Read, ReadResult } from '../../src/reconcile/remote.ts';
import type { Write, WriteOutcome } from '../../src/reconcile/types.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerRandom, workerTimers } from '../adapters/ambient.ts';
import { auditOutlets } from '../adapters/audit.ts';
import { nodeCipher } from '../adapters/cipher.ts';
import { withClientAddress } from '../adapters/client-address.ts';
import { groupCommit } from '../adapters/group-commit.ts';
import { outbound } from '../adapters/outbound.ts';
import { withPeerCertificate } from '../adapters/peer-certificate.ts';
import { certificateSigner } from '../adapters/signer.ts';
import { durableSql } from '../adapters/sql.ts';
import { callObject } from '../adapters/stubs.ts';
import { clusterConfig, configuration, type Env, mainObject } from '../env.ts';
import { handOver } from '../gateway/handover.ts';

const log = workerLog('api-server');
const idempotent = { idempotent: true };

export class ApiServerObject extends DurableObject<Env> {
  readonly #alarm: DurableAlarm;
  readonly #object: ServerObject;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
    const epoch = ctx.storage.kv.get<string>('epoch') ?? workerRandom.uuid();
    ctx.storage.kv.put('epoch', epoch);
    const configured = configuration(env);
    this.#object = new ServerObject({
      sql: durableSql(ctx.storage),
      alarm: this.#alarm,
      timers: workerTimers,
      random: workerRandom,
      config: clusterConfig(env),
      configuration: configured,
      fetch: outbound(env, configured),
      audit: auditOutlets(env, (work) => ctx.waitUntil(work)),
      log,
      epoch,
      peers: peers(env),
      signer: certificateSigner(env.CLUSTER_CA_CERT, env.CLUSTER_CA_KEY, workerTimers),
      waitUntil: (work) => ctx.waitUntil(work),
      schedule: groupCommit(ctx.storage),
      adminToken: env.ADMIN_TOKEN,
      serviceAccountKey: env.SERVICE_ACCOUNT_KEY,
      encryption: { cipher: nodeCipher, keys: env.ENCRYPTION_KEYS ?? '' },
      stream: handOver,
    });
    ctx.blockConcurrencyWhile(() => this.#object.start());
  }

  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.#object.fetch(withClientAddress(withPeerCertificate(request)));
    } catch (error) {
      return statusResponse(asApiError(log, `${request.method} ${new URL(request.url).pathname}`, error));
    }
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarm.fired(info);
    await this.#object.alarm();
  }

  // What other objects and the gateway call.

  read(user: string, reads: Read[]): Promise<ReadResult[]> {
    return this.#object.read(user, reads);
  }

  write(user: string, writes: Write[]): Promise<WriteOutcome[]> {
    return this.#object.write(user, writes);
  }

  feed(...request: Parameters<ServerObject['feed']>): Promise<Outcome<FeedPage>> {
    return this.#object.feed(...request);
  }

  join(request: JoinRequest | SealedMessage): Promise<Outcome<JoinResponse | SealedMessage>> {
    return this.#object.join(request);
  }

  renew(token: string, next: string): Promise<Outcome<RenewResponse>> {
    return this.#object.renew(token, next);
  }

  nodeOfCredential(token: string): Promise<Outcome<string | null>> {
    return this.#object.nodeOfCredential(token);
  }

  nodeNews(request: NodeNewsRequest): Promise<Outcome<NodeNews>> {
    return this.#object.nodeNews(request);
  }

  report(node: string, writes: NodeWrite[]): Promise<Outcome<ReportResponse>> {
    return this.#object.report(node, writes);
  }

  secretToken(namespace: string, secret: string): Promise<Outcome<string>> {
    return this.#object.secretToken(namespace, secret);
  }

  signServing(node: string, csr: string): ReturnType<ServerObject['signServing']> {
    return this.#object.signServing(node, csr);
  }
}

function peers({ SCHEDULER, CONTROLLER_MANAGER, NODE_LINK }: Env): Peers {
  return {
    scheduler: {
      poke: (revision) =>
        callObject(SCHEDULER, mainObject, async (stub) => (await stub.poke(revision)).cursor, idempotent),
      nudge: (revision) => callObject(SCHEDULER, mainObject, (stub) => stub.nudge(revision)),
    },
    controllerManager: {
      poke: (revision) =>
        callObject(CONTROLLER_MANAGER, mainObject, async (stub) => (await stub.poke(revision)).cursor, idempotent),
      nudge: (revision) => callObject(CONTROLLER_MANAGER, mainObject, (stub) => stub.nudge(revision)),
    },
    link: (node) => ({
      poke: (revision) => callObject(NODE_LINK, node, (stub) => stub.poke(revision), idempotent),
      credentialChanged: () => callObject(NODE_LINK, node, (stub) => stub.credentialChanged(), idempotent),
      lastContact: () =>
        callObject(NODE_LINK, node, async (stub) => (await stub.lastContact()) ?? undefined, idempotent),
      usage: () => callObject(NODE_LINK, node, (stub) => stub.usage(), idempotent),
    }),
  };
}
