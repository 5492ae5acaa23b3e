// The conversation with the node's link: one sync after the other, held back by the other side while there is nothing to say
// (long-poll) or spaced out by what it answers (poll). `acknowledge` tells at once that the packet filter has caught up. Answers
// are taken strictly in the order of the cursor.

import type { Log, Timers } from '../../src/ports/index.ts';
import type { SyncRequest, SyncResponse } from '../../src/protocol/node.ts';
import type { NodeUsage } from '../../src/protocol/usage.ts';
import { type ControlPlane, LinkError } from './api.ts';

export interface SyncOptions {
  api: ControlPlane;
  timers: Timers;
  log: Log;
  session: string;
  heartbeatMs(): number;
  cursor(): { epoch: string; revision: number };
  serviceRevision(): number;
  /** What goes along with a poll of what the node uses; undefined: nothing new. */
  usage(): NodeUsage | undefined;
  /** Changes that fit the cursor; has to move it. */
  take(answer: SyncResponse): void;
  /** Streams and drained pods, of every answer; streams may be repeated. */
  offered(answer: SyncResponse): void;
  connected(yes: boolean): void;
  /** The credential is not accepted (any more). Never rejects. */
  refused(): Promise<void>;
}

const retryMaxMs = 5000;

export class SyncLoop {
  readonly #o: SyncOptions;
  readonly #abort = new AbortController();
  #wake: () => void = () => {};
  /** Ids of offers that have come, and that the control plane need not know of yet. */
  readonly #arrived = new Set<string>();

  constructor(options: SyncOptions) {
    this.#o = options;
  }

  async run(): Promise<void> {
    const { log } = this.#o;
    let failures = 0;
    let waitMs = 0;
    while (!this.#abort.signal.aborted) {
      try {
        const answer = await this.#exchange(waitMs, this.#o.usage());
        if (failures > 0) log.info('the control plane answers again');
        failures = 0;
        this.#o.connected(true);
        waitMs = answer.nextPollMs === 0 ? this.#o.heartbeatMs() : 0;
        if (answer.nextPollMs > 0) await this.#sleep(answer.nextPollMs);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        if (failures === 0 || (error instanceof LinkError && error.code !== 0))
          log.warn('sync failed', { error: String(error) });
        this.#o.connected(false);
        waitMs = 0;
        if (error instanceof LinkError && error.code === 401) await this.#o.refused();
        await this.#sleep(Math.min(retryMaxMs, 100 * 2 ** failures++));
      }
    }
  }

  /** Says now what a sync that is being held back cannot say. */
  acknowledge(): void {
    void this.#exchange(0).catch(() => {});
  }

  /** Ends a pause between polls. */
  hurry(): void {
    this.#wake();
  }

  stop(): void {
    this.#abort.abort();
    this.#wake();
  }

  async #exchange(waitMs: number, usage?: NodeUsage): Promise<SyncResponse> {
    const { epoch, revision } = this.#o.cursor();
    const offers = [...this.#arrived];
    const request: SyncRequest = {
      since: revision,
      epoch,
      serviceRevision: this.#o.serviceRevision(),
      waitMs,
      session: this.#o.session,
      offers,
      ...(usage ? { usage } : {}),
    };
    const answer = await this.#o.api.sync(request, this.#abort.signal);
    const now = this.#o.cursor();
    // Another answer may have moved the cursor meanwhile: this one then says nothing new.
    if (now.epoch === epoch && now.revision === revision) this.#o.take(answer);
    for (const id of offers) this.#arrived.delete(id);
    this.#o.offered(answer);
    for (const offer of answer.streams) {
      const { id } = (offer ?? {}) as { id?: unknown };
      if (typeof id === 'string') this.#arrived.add(id);
    }
    return answer;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#o.timers.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
