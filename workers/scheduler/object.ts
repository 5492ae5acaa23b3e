// The Durable Object that is the scheduler: src/scheduler over calls to the API server. What it keeps is a copy of what
// the ledger holds, so it stores nothing but its alarm.
import { DurableObject } from 'cloudflare:workers';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import { type DurableAlarm, durableAlarm } from '../adapters/alarm.ts';
import { workerLog, workerRandom, workerTimers } from '../adapters/ambient.ts';
import { remoteClient, remoteFeed } from '../adapters/remote-client.ts';
import type { Env } from '../env.ts';

const log = workerLog('scheduler');

export class SchedulerObject extends DurableObject<Env> {
  readonly #alarm: DurableAlarm;
  readonly #scheduler: Scheduler;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#alarm = durableAlarm(ctx.storage, (error) => log.error('alarm could not be set', { error: String(error) }));
    this.#scheduler = createScheduler({
      clock: workerTimers,
      timers: workerTimers,
      random: workerRandom,
      log,
      client: remoteClient(env.API_SERVER, 'system:kube-scheduler'),
      feed: remoteFeed(env.API_SERVER, 'scheduler'),
      alarm: this.#alarm,
    });
  }

  poke(revision: number): Promise<{ cursor: number }> {
    return this.#scheduler.poke(revision);
  }

  /** As {@link poke}, answered at once: a poke that is still awaited carries the work. */
  nudge(revision: number): void {
    this.#scheduler.poke(revision).catch((error) => log.error('nudge failed', { error: String(error) }));
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    this.#alarm.fired(info);
    await this.#scheduler.alarm();
  }
}
