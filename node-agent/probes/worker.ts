// The timing and the thresholds of one probe of one container instance, exactly the kubelet's: the first run at once for
// startup (others after initialDelaySeconds of the instance), then every periodSeconds; a verdict needs
// failureThreshold or successThreshold equal results in a row. Three runs before a failure counts as one (maxProbeRetries).
import type { Probe } from '../../src/generated/schemas/core-v1.ts';
import type { Timers } from '../../src/ports/index.ts';
import type { ProbeResult } from './probe.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** How often a probe of a container had a result. */
export interface ProbeCount {
  kind: ProbeKind;
  outcome: ProbeResult['outcome'];
  container: string;
  count: number;
}

export interface ProbeWorkerOptions {
  kind: ProbeKind;
  probe: Probe;
  startedAtMs: number;
  timers: Timers;
  run(): Promise<ProbeResult>;
  /** False while the probe has to rest: liveness and readiness before the instance has started. */
  enabled(): boolean;
  /** A verdict; for readiness and startup also repeated ones. */
  verdict(ok: boolean): void;
  /** Every failed run. */
  failed(output: string): void;
  /** Every run, whatever it said. */
  ran(outcome: ProbeResult['outcome']): void;
}

const retries = 3;

export class ProbeWorker {
  readonly #o: ProbeWorkerOptions;
  #last: boolean | undefined;
  #streak = 0;
  #cancel: (() => void) | undefined;
  #stopped = false;
  #running = false;

  constructor(options: ProbeWorkerOptions) {
    this.#o = options;
    const initialMs = (options.probe.initialDelaySeconds ?? 0) * 1000;
    this.#schedule(Math.max(0, options.startedAtMs + initialMs - options.timers.now()));
  }

  /** Runs now instead of at the next period: the container has just started, say. */
  hurry(): void {
    if (this.#running || this.#stopped) return;
    this.#schedule(
      Math.max(0, this.#o.startedAtMs + (this.#o.probe.initialDelaySeconds ?? 0) * 1000 - this.#o.timers.now()),
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #schedule(delayMs: number): void {
    this.#cancel?.();
    if (!this.#stopped) this.#cancel = this.#o.timers.after(delayMs, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const startedMs = this.#o.timers.now();
    const periodMs = (this.#o.probe.periodSeconds ?? 10) * 1000;
    if (this.#o.enabled()) {
      this.#running = true;
      let result: ProbeResult = { outcome: 'unknown', output: '' };
      for (let i = 0; i < retries && result.outcome === 'unknown'; i++) {
        result = await this.#o
          .run()
          .catch((error: unknown) => ({ outcome: 'unknown' as const, output: String(error) }));
      }
      this.#running = false;
      if (this.#stopped) return;
      this.#o.ran(result.outcome);
      this.#take(result);
    }
    if (!this.#stopped) this.#schedule(Math.max(0, startedMs + periodMs - this.#o.timers.now()));
  }

  #take(result: ProbeResult): void {
    if (result.outcome === 'unknown') return;
    const ok = result.outcome === 'success';
    if (!ok) this.#o.failed(result.output);
    if (this.#last === ok) this.#streak++;
    else {
      this.#last = ok;
      this.#streak = 1;
    }
    const { failureThreshold = 3, successThreshold = 1 } = this.#o.probe;
    if (this.#streak < (ok ? successThreshold : failureThreshold)) return;
    if (!ok && this.#o.kind !== 'readiness') this.stop();
    this.#o.verdict(ok);
  }
}
