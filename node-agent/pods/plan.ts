// The state machine of one pod, pure: what has to be done now, given what is desired and what is. Every action has a key;
// an action whose key is busy is never planned again, so that planning may happen at any time and as often as one likes.
// It never plans a second instance of a container while one may run.
import type { Container, Pod } from '../../src/generated/schemas/core-v1.ts';
import type { ContainerRecord, Sandbox } from '../runtime.ts';
import { waitUntilMs } from './backoff.ts';
import { left } from './resize.ts';
import { ephemeralOf, isSidecar, latest, type Seen, startErrorUntilMs } from './seen.ts';

export type Action =
  | { type: 'mountVolumes'; key: string }
  | { type: 'refreshVolumes'; key: string }
  | { type: 'createSandbox'; key: string; attempt: number }
  | { type: 'stopSandbox'; key: string; id: string }
  | { type: 'removeSandbox'; key: string; id: string }
  | { type: 'prepareImage'; key: string; name: string }
  | { type: 'startContainer'; key: string; name: string; attempt: number; sandboxId: string; after?: number }
  | { type: 'killContainer'; key: string; id: string; name: string; graceSeconds: number; why: KillReason }
  | { type: 'resize'; key: string }
  | { type: 'removeContainer'; key: string; id: string }
  | { type: 'release'; key: string }
  | { type: 'forget'; key: string };

export type KillReason = 'stopping' | 'liveness' | 'startup' | 'changed' | 'unknown' | 'hook' | 'resize';

export interface Plan {
  actions: Action[];
  /** Containers held back by their restart back-off, and until when. */
  crashLoops: { name: string; untilMs: number }[];
  /** When to plan again though nothing happens. */
  wakeAtMs?: number;
}

const defaultGraceSeconds = 30;

export function graceOf(pod: Pod): number {
  return pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
}

/** Whether the pod will never run anything again by its own restart policy. */
export function isFinished(seen: Pick<Seen, 'pod' | 'containers' | 'memory'>): boolean {
  const spec = seen.pod.spec!;
  const policy = spec.restartPolicy ?? 'Always';
  if (policy === 'Always') return false;
  for (const init of spec.initContainers ?? []) {
    const record = latest(seen, init.name);
    if (!isSidecar(init) && record?.state === 'exited' && record.exitCode !== 0 && policy === 'Never') return true;
  }
  return spec.containers.every((c) => {
    const record = latest(seen, c.name);
    return record?.state === 'exited' && !restarts(policy, record) && !seen.memory.get(record.id)?.restart;
  });
}

function restarts(policy: string, record: ContainerRecord): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && record.exitCode !== 0);
}

export function plan(seen: Seen): Plan {
  const planner = new Planner(seen);
  if (seen.termination || seen.rejected || isFinished(seen)) planner.end();
  else planner.run();
  return planner.result;
}

class Planner {
  readonly result: Plan = { actions: [], crashLoops: [] };
  readonly #seen: Seen;

  constructor(seen: Seen) {
    this.#seen = seen;
  }

  run(): void {
    const seen = this.#seen;
    if (!seen.volumesMounted) this.#add({ type: 'mountVolumes', key: 'volumes' });
    else if (seen.volumesStale) this.#add({ type: 'refreshVolumes', key: 'volumes' });
    const sandbox = this.#sandbox();
    const spec = seen.pod.spec!;

    this.#kills(sandbox);
    // Beside whatever goes on: initialisation, back-offs, a resize. One that has been there is left alone, in whatever sandbox.
    for (const container of sandbox ? ephemeralOf(seen.pod) : []) {
      const record = latest(seen, container.name);
      this.#start(container, record, sandbox, 'Never');
      const untilMs = record && startErrorUntilMs(seen, record);
      if (untilMs !== undefined) this.#wake(untilMs);
    }
    // What starts meanwhile could be larger than its pod.
    if (sandbox && this.#resize()) return;
    const inits = spec.initContainers ?? [];
    const initialised = sandbox !== undefined && spec.containers.some((c) => latest(seen, c.name, sandbox.id));
    let blocked = false;
    for (const init of inits) {
      const record = sandbox && latest(seen, init.name, sandbox.id);
      if (isSidecar(init)) {
        if (record?.state === 'running') {
          if (!initialised && !seen.memory.get(record.id)?.started) return;
          continue;
        }
        blocked = this.#start(init, record, sandbox, 'Always') || blocked;
        if (!initialised) return;
      } else if (!initialised) {
        if (record?.state === 'exited' && record.exitCode === 0) continue;
        // A new sandbox is initialised from the beginning, however that went in the one before.
        if (record?.state !== 'running')
          this.#start(
            init,
            record,
            sandbox,
            record ? (spec.restartPolicy === 'Never' ? 'Never' : 'OnFailure') : 'Always',
          );
        return;
      }
    }
    for (const container of spec.containers) {
      const record = sandbox && latest(seen, container.name, sandbox.id);
      if (record?.state === 'running') {
        // The next container starts only when this one's postStart hook has returned.
        blocked = blocked || seen.busy.has(`container:${container.name}`);
        continue;
      }
      const pending = this.#start(container, record, sandbox, spec.restartPolicy ?? 'Always', blocked);
      blocked = blocked || pending;
    }
    this.#collectGarbage();
  }

  /** Ends everything: containers, then sidecars, then the sandbox, then what the pod holds; then, if it is to go, all traces. */
  end(): void {
    const seen = this.#seen;
    const spec = seen.pod.spec!;
    const alive = seen.containers.filter((c) => c.state === 'running' || c.state === 'unknown');
    const sidecars = (spec.initContainers ?? []).filter(isSidecar).map((c) => c.name);
    const first = alive.filter((c) => !sidecars.includes(c.name));
    const debugging = new Set(ephemeralOf(seen.pod).map((c) => c.name));
    const graceSeconds = this.#remainingGrace();
    // Sidecars end after everything that may need them, the last one first.
    const last = sidecars
      .reverse()
      .flatMap((name) => alive.filter((c) => c.name === name))
      .slice(0, 1);
    for (const c of first.some((r) => !debugging.has(r.name)) ? first : [...first, ...last]) {
      this.#add({ type: 'killContainer', key: `kill:${c.id}`, id: c.id, name: c.name, graceSeconds, why: 'stopping' });
    }
    const working = [...seen.busy].some(
      (k) => k === 'volumes' || k === 'sandbox' || /^(container|kill|image):/.test(k),
    );
    if (alive.length > 0 || working) return;
    const ready = seen.sandboxes.filter((s) => s.ready);
    for (const s of ready) this.#add({ type: 'stopSandbox', key: `stop:${s.id}`, id: s.id });
    if (ready.length > 0) return;
    if (!seen.released) return void this.#add({ type: 'release', key: 'release' });
    if (seen.termination === undefined || seen.termination.why === 'stopped') return;
    for (const c of seen.containers) this.#add({ type: 'removeContainer', key: `remove:${c.id}`, id: c.id });
    if (seen.containers.length > 0) return;
    for (const s of seen.sandboxes) this.#add({ type: 'removeSandbox', key: `remove:${s.id}`, id: s.id });
    if (seen.sandboxes.length > 0) return;
    this.#add({ type: 'forget', key: 'forget' });
  }

  #sandbox(): Sandbox | undefined {
    const { sandboxes } = this.#seen;
    const [newest, ...older] = sandboxes;
    for (const s of older) {
      const used = this.#seen.containers.some((c) => c.sandboxId === s.id);
      if (s.ready) this.#add({ type: 'stopSandbox', key: `stop:${s.id}`, id: s.id });
      else if (!used) this.#add({ type: 'removeSandbox', key: `remove:${s.id}`, id: s.id });
    }
    if (newest?.ready) return newest;
    // The containers of a dead sandbox are ended with it before a new one takes its place.
    if (newest && this.#seen.containers.some((c) => c.sandboxId === newest.id && c.state === 'running')) {
      this.#add({ type: 'stopSandbox', key: `stop:${newest.id}`, id: newest.id });
      return undefined;
    }
    this.#add({ type: 'createSandbox', key: 'sandbox', attempt: newest ? newest.attempt + 1 : 0 });
    return undefined;
  }

  #kills(sandbox: Sandbox | undefined): void {
    const seen = this.#seen;
    const specs = new Map(
      [...(seen.pod.spec!.initContainers ?? []), ...seen.pod.spec!.containers].map((c) => [c.name, c]),
    );
    for (const record of seen.containers) {
      if (record.state === 'unknown') this.#kill(record, 'unknown', graceOf(seen.pod));
      if (record.state !== 'running') continue;
      const container = specs.get(record.name);
      const failed = seen.memory.get(record.id)?.failedProbe;
      if (seen.memory.get(record.id)?.failedHook) this.#kill(record, 'hook', graceOf(seen.pod));
      else if (failed && container) {
        const probe = failed === 'liveness' ? container.livenessProbe : container.startupProbe;
        this.#kill(record, failed, probe?.terminationGracePeriodSeconds ?? graceOf(seen.pod));
      } else if (container && sandbox && hashChanged(container, record))
        this.#kill(record, 'changed', graceOf(seen.pod));
    }
  }

  /** Brings what is allocated into force; true while that is under way. */
  #resize(): boolean {
    const seen = this.#seen;
    if (!seen.resize?.inProgress) return false;
    const { restart, update, limits } = left(seen);
    for (const record of restart) this.#kill(record, 'resize', graceOf(seen.pod));
    if (restart.length > 0) return true;
    return (update.length > 0 || limits !== undefined) && this.#add({ type: 'resize', key: 'resize' });
  }

  #kill(record: ContainerRecord, why: KillReason, graceSeconds: number): void {
    this.#add({ type: 'killContainer', key: `kill:${record.id}`, id: record.id, name: record.name, graceSeconds, why });
  }

  /** Plans the next step towards a running instance; true while that is under way (and later containers have to wait). */
  #start(
    container: Container,
    record: ContainerRecord | undefined,
    sandbox: Sandbox | undefined,
    policy: string,
    blocked = false,
  ): boolean {
    const seen = this.#seen;
    const key = `container:${container.name}`;
    if (seen.busy.has(key)) return true;
    if (record?.state === 'unknown') return false;
    if (record?.state === 'created') {
      this.#add({ type: 'removeContainer', key: `remove:${record.id}`, id: record.id });
      return true;
    }
    // Instances of an earlier sandbox count for the restart policy and the restart count, too.
    const before = record ?? latest(seen, container.name);
    if (before?.state === 'running') return false;
    if (before?.state === 'exited') {
      if (!restarts(policy, before) && !seen.memory.get(before.id)?.restart) return false;
      const untilMs = waitUntilMs(seen.backoffs.get(container.name), before.finishedAtMs, seen.nowMs);
      if (untilMs !== undefined) {
        this.result.crashLoops.push({ name: container.name, untilMs });
        this.#wake(untilMs);
        return false;
      }
    }
    if (!seen.imagesReady.has(container.name)) {
      const imageKey = `image:${container.name}`;
      this.#add({ type: 'prepareImage', key: imageKey, name: container.name });
      return seen.busy.has(imageKey) || this.result.actions.some((a) => a.key === imageKey);
    }
    if (blocked) return false;
    if (!sandbox || !seen.volumesMounted) return false;
    const attempt = before ? (before.state === 'created' ? before.attempt : before.attempt + 1) : 0;
    const after = before?.state === 'exited' ? before.finishedAtMs : undefined;
    return this.#add({ type: 'startContainer', key, name: container.name, attempt, sandboxId: sandbox.id, after });
  }

  /** Keeps the newest instance of each container and the one before it. */
  #collectGarbage(): void {
    const byName = Map.groupBy(this.#seen.containers, (c) => c.name);
    for (const instances of byName.values()) {
      const dead = instances.toSorted((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs).slice(2);
      for (const c of dead)
        if (c.state === 'exited') this.#add({ type: 'removeContainer', key: `remove:${c.id}`, id: c.id });
    }
  }

  #remainingGrace(): number {
    const { termination, nowMs, pod } = this.#seen;
    if (!termination) return graceOf(pod);
    return Math.max(1, Math.ceil((termination.sinceMs + termination.graceSeconds * 1000 - nowMs) / 1000));
  }

  /** False when it has to wait for its retry time. */
  #add(action: Action): boolean {
    if (this.#seen.busy.has(action.key)) return true;
    const retryAtMs = this.#seen.retryAtMs.get(action.key);
    if (retryAtMs !== undefined && retryAtMs > this.#seen.nowMs) {
      this.#wake(retryAtMs);
      return false;
    }
    if (!this.result.actions.some((a) => a.key === action.key)) this.result.actions.push(action);
    return true;
  }

  #wake(atMs: number): void {
    if (this.result.wakeAtMs === undefined || atMs < this.result.wakeAtMs) this.result.wakeAtMs = atMs;
  }
}

export const hashAnnotation = 'io.kubernetes.container.hash';

/** What makes a running instance outdated, as the kubelet has it: name and image. */
export function containerHash(container: Container): string {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${container.name}\0${container.image ?? ''}`))
    h = Math.imul(h ^ byte, 0x01000193) >>> 0;
  return h.toString(16);
}

function hashChanged(container: Container, record: ContainerRecord): boolean {
  const hash = record.annotations[hashAnnotation];
  return hash !== undefined && hash !== containerHash(container);
}
