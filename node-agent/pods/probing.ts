// The probes of one pod's running containers: which there are, and what their verdicts mean for an instance's memory. Verdicts
// are only noted; what follows from them is planned.
import type { Container, Probe } from '../../src/generated/schemas/core-v1.ts';
import { type ProbeCount, type ProbeKind, ProbeWorker } from '../probes/worker.ts';
import type { ContainerRecord } from '../runtime.ts';
import { fieldPathOf, fieldsOf, type PodContext, specOf } from './context.ts';

interface Probing {
  kind: ProbeKind;
  worker: ProbeWorker;
}

export class PodProbes {
  readonly #context: PodContext;
  readonly #changed: () => void;
  readonly #all = new Map<string, Probing[]>();
  /** By kind, result and container. */
  readonly #counts = new Map<string, ProbeCount>();

  constructor(context: PodContext, changed: () => void) {
    this.#context = context;
    this.#changed = changed;
  }

  has(containerId: string): boolean {
    return this.#all.has(containerId);
  }

  counts(): Iterable<ProbeCount> {
    return this.#counts.values();
  }

  stop(): void {
    for (const probes of this.#all.values()) for (const p of probes) p.worker.stop();
  }

  /** A pod that ends is still asked whether it is ready, and for nothing else. */
  keepReadiness(): void {
    for (const probes of this.#all.values()) for (const p of probes) if (p.kind !== 'readiness') p.worker.stop();
  }

  /** Starts the probes of what runs, ends those of what does not. */
  sync(): void {
    const { state } = this.#context;
    for (const [id, probes] of this.#all) {
      if (state.containers.get(id)?.state === 'running') continue;
      for (const p of probes) p.worker.stop();
      this.#all.delete(id);
      const memory = state.memory.get(id);
      if (memory) memory.ready = false;
    }
    for (const c of state.containers.values()) {
      const spec = specOf(state.pod, c.name);
      if (c.state !== 'running' || !spec || this.#all.has(c.id)) continue;
      this.#all.set(c.id, this.#probesOf(c, spec));
    }
  }

  #probesOf(record: ContainerRecord, spec: Container): Probing[] {
    const { state, node } = this.#context;
    const memory = state.memory.get(record.id)!;
    const all: Probing[] = [];
    const add = (kind: ProbeKind, probe: Probe | undefined, verdict: (ok: boolean) => void): void => {
      if (!probe || (state.termination && kind !== 'readiness')) return;
      const title = kind[0]!.toUpperCase() + kind.slice(1);
      const worker = new ProbeWorker({
        kind,
        probe,
        startedAtMs: record.startedAtMs,
        timers: node.timers,
        run: () =>
          node.prober.run(probe, {
            container: spec,
            containerId: record.id,
            podIp: fieldsOf(this.#context).podIps[0] ?? '',
          }),
        enabled: () => (kind === 'startup' ? !memory.started : memory.started),
        ran: (outcome) => {
          const key = `${kind} ${outcome} ${spec.name}`;
          const known = this.#counts.get(key) ?? { kind, outcome, container: spec.name, count: 0 };
          known.count++;
          this.#counts.set(key, known);
        },
        failed: (output) =>
          node.event(
            state.pod,
            fieldPathOf(state.pod, spec.name),
            'Warning',
            'Unhealthy',
            `${title} probe failed: ${output}`,
          ),
        verdict: (ok) => {
          verdict(ok);
          this.#changed();
        },
      });
      all.push({ kind, worker });
    };
    add('startup', memory.started ? undefined : spec.startupProbe, (ok) => {
      if (!ok) memory.failedProbe = 'startup';
      else {
        memory.started = true;
        for (const p of all)
          if (p.kind === 'startup') p.worker.stop();
          else p.worker.hurry();
      }
    });
    add('liveness', spec.livenessProbe, (ok) => {
      if (!ok) memory.failedProbe = 'liveness';
    });
    add('readiness', spec.readinessProbe, (ok) => {
      memory.ready = ok;
    });
    return all;
  }
}
