// The Durable Object that runs the controllers: the runner of src/reconcile on its own SQLite, over calls to the API
// server. Woken by pokes, by its alarm (the earliest deadline in its queue) and by nodes' links.
import { DurableObject } from 'cloudflare:workers';
import { controllers } from '../../src/generated/controllers.ts';
import { type Outcome, unwrap } from '../../src/machinery/outcome.ts';
import { createRunner, type Runner } from '../../src/reconcile/runner.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerRandom, workerTimers } from '../adapters/ambient.ts';
import { remoteClient, remoteFeed } from '../adapters/remote-client.ts';
import { durableSql } from '../adapters/sql.ts';
import { callObject } from '../adapters/stubs.ts';
import { clusterConfig, type Env, mainObject } from '../env.ts';

const log = workerLog('controller-manager');
/** The controller that wants to know of nodes' silence and return. */
const nodeLifecycle = 'node-controller';

export class ControllerManagerObject extends DurableObject<Env> {
  readonly #alarm: DurableAlarm;
  readonly #runner: Runner;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
    const clientFor = (name: string) => remoteClient(env.API_SERVER, `system:serviceaccount:kube-system:${name}`);
    this.#runner = createRunner({
      sql: durableSql(ctx.storage),
      clock: workerTimers,
      timers: workerTimers,
      random: workerRandom,
      config: clusterConfig(env),
      log,
      client: remoteClient(env.API_SERVER, 'system:kube-controller-manager'),
      clientFor,
      feed: remoteFeed(env.API_SERVER, 'controller-manager'),
      controllers: controllers.map((create) =>
        create({
          contacts: { lastContact: (node) => this.#lastContact(node) },
          caCertificate: env.CLUSTER_CA_CERT,
          secretToken: (namespace, secret) => this.#secretToken(namespace, secret),
        }),
      ),
      alarm: this.#alarm,
    });
  }

  poke(revision: number): Promise<{ cursor: number }> {
    return this.#runner.poke(revision);
  }

  /** As {@link poke}, answered at once: a poke that is still awaited carries the work. */
  nudge(revision: number): void {
    this.#runner.poke(revision).catch((error) => log.error('nudge failed', { error: String(error) }));
  }

  /** A node has fallen silent, or is heard again. */
  async nodeContactChanged(node: string, atMs: number, silent: boolean): Promise<void> {
    log.info(silent ? 'node is silent' : 'node is heard', { node, contact: new Date(atMs).toISOString() });
    await this.#runner.enqueue(nodeLifecycle, node);
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarm.fired(info);
    await this.#runner.alarm();
  }

  async #lastContact(node: string): Promise<number | undefined> {
    const link = await callObject(this.env.NODE_LINK, node, async (stub) => (await stub.lastContact()) ?? null, {
      idempotent: true,
    });
    return link ?? undefined;
  }

  #secretToken(namespace: string, secret: string): Promise<string> {
    return callObject(
      this.env.API_SERVER,
      mainObject,
      async (stub) => unwrap((await stub.secretToken(namespace, secret)) as Outcome<string>),
      { idempotent: true },
    );
  }
}
