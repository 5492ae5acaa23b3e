// One pod on this node: plans, executes, observes, reports. Every change pokes it; it plans at most once per turn of the event
// loop; actions run concurrently under their keys. It never waits for the control plane.
import type { Pod, PodStatus } from '../../src/generated/schemas/core-v1.ts';
import { equalJson } from '../../src/machinery/schema/json.ts';
import type { ProbeCount } from '../probes/worker.ts';
import type { ContainerRecord, Sandbox } from '../runtime.ts';
import { goSeconds } from './backoff.ts';
import {
  fieldPathOf,
  messageOf,
  type Node,
  newState,
  type PodContext,
  type PodState,
  retryLater,
  seenOf,
  specOf,
} from './context.ts';
import { deadlineAtMs, pastDeadline } from './deadline.ts';
import { createSandbox } from './hooks/create-sandbox.ts';
import { killContainer } from './hooks/kill-container.ts';
import { mountVolumes, refreshVolumes } from './hooks/mount-volumes.ts';
import { learn } from './hooks/observe.ts';
import { prepareImage } from './hooks/prepare-image.ts';
import { forget, release } from './hooks/release.ts';
import { resize } from './hooks/resize.ts';
import { startContainer } from './hooks/start-container.ts';
import { lose, recall } from './lost.ts';
import { type Action, graceOf, plan } from './plan.ts';
import { PodProbes } from './probing.ts';
import type { PendingResize } from './resize.ts';
import { adopt, desire, finish, firstMemory, isWaiting, settle } from './resizing.ts';
import type { Termination } from './seen.ts';
import { computeStatus, mergedConditions } from './status.ts';

const stepRetryMaxMs = 10_000;
/** Until the next list of everything finds it anyway. */
const exitPollMs = [1, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120];

/** What files of a pod may say of the pod itself. */
const downward = ({ metadata }: Pod) => [metadata.labels ?? {}, metadata.annotations ?? {}, metadata.generation ?? 0];

export class PodWorker {
  readonly #context: PodContext;
  readonly #probes: PodProbes;
  readonly #onForgotten: () => void;
  /** Moves when a step begins or ends: a list of the runtime taken before then is stale. */
  version = 0;
  #observed: boolean;
  #recalled = false;
  #scheduled = false;
  #cancelWake: (() => void) | undefined;
  #reported = '';
  #stopped = false;
  #initialReady: ReadonlySet<string>;
  /** Crash loops that were announced: until when. */
  readonly #announced = new Map<string, number>();

  /** `observed`: the runtime is known to hold nothing of this pod. Otherwise nothing is done before it has been looked at. */
  constructor(node: Node, pod: Pod, observed: boolean, onForgotten: () => void) {
    this.#observed = observed;
    this.#context = { node, state: newState(pod) };
    adopt(this.#context);
    this.#onForgotten = onForgotten;
    this.#probes = new PodProbes(this.#context, () => this.poke());
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    // An agent that has just started believes what it said before about containers that still run.
    this.#initialReady = new Set(
      statuses.filter((s) => s.ready && s.containerID).map((s) => s.containerID!.split('://')[1]!),
    );
    this.update(pod);
  }

  /** The API object. */
  get pod(): Pod {
    return this.#context.state.desired;
  }

  /** It asks for other resources than it has been allocated. */
  get waitsForResize(): boolean {
    return isWaiting(this.#context);
  }

  /** The manager's answer to what it asks for; undefined: it can have it. */
  settleResize(refused: PendingResize | undefined): void {
    settle(this.#context, refused);
    this.poke();
  }

  get state(): Readonly<PodState> {
    return this.#context.state;
  }

  probeCounts(): Iterable<ProbeCount> {
    return this.#probes.counts();
  }

  /** The API object as it is now. */
  update(pod: Pod): void {
    const { state, node } = this.#context;
    if (!equalJson(downward(state.desired), downward(pod))) state.volumesStale = true;
    desire(this.#context, pod);
    const phase = pod.status?.phase;
    if (pod.metadata.deletionTimestamp) {
      const graceSeconds = Math.max(1, pod.metadata.deletionGracePeriodSeconds ?? graceOf(pod));
      const sinceMs = state.termination?.why === 'deleted' ? state.termination.sinceMs : node.timers.now();
      this.terminate({ graceSeconds, sinceMs, why: 'deleted' });
    } else if ((phase === 'Failed' || phase === 'Succeeded') && !state.termination) {
      this.terminate({ graceSeconds: graceOf(pod), sinceMs: node.timers.now(), why: 'stopped' });
    }
    this.poke();
  }

  /** The object is gone from the API, or never was this node's: end everything and leave no trace. */
  remove(): void {
    const { state, node } = this.#context;
    if (state.termination?.why === 'removed') return;
    this.terminate({
      graceSeconds: state.termination?.graceSeconds ?? graceOf(state.pod),
      sinceMs: state.termination?.sinceMs ?? node.timers.now(),
      why: 'removed',
    });
  }

  reject(reason: string, message: string): void {
    const { state, node } = this.#context;
    state.rejected = { reason, message };
    node.event(state.pod, undefined, 'Warning', reason, message);
    this.poke();
  }

  terminate(termination: Termination): void {
    const { state } = this.#context;
    const status = termination.status ?? state.termination?.status;
    state.termination = { ...termination, ...(status ? { status } : {}) };
    this.#probes.keepReadiness();
    this.poke();
  }

  drained(): void {
    const { state } = this.#context;
    if (!state.termination) return;
    state.drained = true;
    for (const waiter of state.drainWaiters.splice(0)) waiter();
  }

  /** What the runtime's list says of this pod. */
  observeAll(sandboxes: readonly Sandbox[], containers: readonly ContainerRecord[]): void {
    const { state } = this.#context;
    if (state.busy.has('sandbox')) return;
    const known = new Map(state.sandboxes.map((s) => [s.id, s]));
    state.sandboxes = sandboxes
      .map((s) => ({ ...s, ips: known.get(s.id)?.ips ?? s.ips }))
      .toSorted((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs);
    const seen = new Set(containers.map((c) => c.id));
    for (const [id, c] of state.containers)
      if (!seen.has(id) && !state.busy.has(`container:${c.name}`)) lose(this.#context, id);
    const work = containers
      .filter((c) => state.containers.get(c.id)?.state !== c.state)
      .map((c) =>
        // A record that cannot be had again just now still counts: what runs must never look absent.
        learn(this.#context, c.id, c.sandboxId).catch(() => {
          state.containers.set(c.id, c);
          if (!state.memory.has(c.id)) state.memory.set(c.id, firstMemory(this.#context, c));
        }),
      );
    const addresses = state.sandboxes
      .filter((s) => s.ready && s.ips.length === 0 && !state.pod.spec?.hostNetwork)
      .map(async (s) => {
        const status = await this.#context.node.runtime.sandboxStatus(s.id);
        state.sandboxes = state.sandboxes.map((x) => (x.id === s.id ? { ...status } : x));
      });
    void Promise.allSettled([...work, ...addresses]).then(() => {
      this.#observed = true;
      this.poke();
    });
  }

  /** The runtime hints that this container or sandbox has ended. */
  async exited(id: string): Promise<void> {
    const { state, node } = this.#context;
    // The runtime publishes the exit a moment before its own record says so.
    const ready = (): boolean => state.sandboxes.some((s) => s.id === id && s.ready);
    for (const waitMs of ready() ? exitPollMs : []) {
      const status = await node.runtime.sandboxStatus(id).catch(() => undefined);
      state.sandboxes = state.sandboxes.map((s) => (s.id === id ? { ...s, ready: status?.ready ?? false } : s));
      if (!ready()) return this.poke();
      await new Promise<void>((resolve) => node.timers.after(waitMs, resolve));
    }
    // One may end before the call that starts it has returned.
    const alive = (): boolean => /^(created|running)$/.test(state.containers.get(id)?.state ?? '');
    for (const waitMs of exitPollMs) {
      if (!alive()) return;
      await this.#learn(id);
      if (!alive()) return this.poke();
      await new Promise<void>((resolve) => node.timers.after(waitMs, resolve));
    }
  }

  oom(id: string): void {
    const memory = this.#context.state.memory.get(id);
    if (memory) memory.oomKilled = true;
  }

  /** Says the pod's status once more though nothing has changed here. */
  repeat(): void {
    this.#reported = '';
    this.poke();
  }

  /** Something that volumes or environments are made of has changed. */
  refresh(): void {
    const { state } = this.#context;
    for (const key of state.retryAtMs.keys())
      if (key === 'volumes' || key.startsWith('container:')) state.retryAtMs.delete(key);
    state.volumesStale = true;
    this.poke();
  }

  /** Stops working on the pod; its containers stay as they are. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWake?.();
    this.#probes.stop();
  }

  poke(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#stopped && this.#observed) this.#step();
    });
  }

  #step(): void {
    const { state, node } = this.#context;
    if (!this.#recalled) recall(this.#context);
    this.#recalled = true;
    const overdue = pastDeadline(this.#context);
    if (overdue) this.terminate(overdue);
    this.#memory();
    finish(this.#context);
    const next = plan(seenOf(this.#context));
    for (const { name, untilMs } of next.crashLoops) this.#crashLoop(name, untilMs);
    for (const action of next.actions) this.#start(action);
    this.#probes.sync();
    this.#report();
    this.#cancelWake?.();
    const wakes = [next.wakeAtMs, deadlineAtMs(this.#context)].filter((t) => t !== undefined);
    if (wakes.length > 0)
      this.#cancelWake = node.timers.after(Math.max(1, Math.min(...wakes) - node.timers.now()), () => this.poke());
    if (state.forgotten) {
      this.stop();
      this.#onForgotten();
    }
  }

  #start(action: Action): void {
    const { state, node } = this.#context;
    state.busy.add(action.key);
    this.version++;
    void this.#execute(action)
      .catch((error: unknown) => {
        node.log.warn('pod step failed', {
          pod: `${state.pod.metadata.namespace}/${state.pod.metadata.name}`,
          step: action.key,
          error: messageOf(error),
        });
        if (!state.retryAtMs.has(action.key)) retryLater(this.#context, action.key, stepRetryMaxMs);
        return true;
      })
      .then((failed) => {
        state.busy.delete(action.key);
        this.version++;
        if (failed === true && (action.type === 'createSandbox' || action.type === 'startContainer')) this.#relist();
        this.poke();
      });
  }

  async #execute(action: Action): Promise<void> {
    const context = this.#context;
    const { state, node } = context;
    switch (action.type) {
      case 'mountVolumes':
        return mountVolumes(context);
      case 'refreshVolumes':
        return refreshVolumes(context);
      case 'createSandbox':
        return createSandbox(context, action.attempt);
      case 'prepareImage':
        return prepareImage(context, action.name);
      case 'startContainer':
        return startContainer(context, action, () => this.poke());
      case 'killContainer':
        return killContainer(context, action);
      case 'resize':
        return resize(context);
      case 'stopSandbox':
        await node.runtime.stopSandbox(action.id);
        state.sandboxes = state.sandboxes.map((s) => (s.id === action.id ? { ...s, ready: false } : s));
        for (const c of [...state.containers.values()])
          if (c.sandboxId === action.id && c.state === 'running') await this.#learn(c.id);
        state.failures.delete(action.key);
        return;
      case 'removeContainer':
        await node.runtime.removeContainer(action.id);
        state.containers.delete(action.id);
        state.memory.delete(action.id);
        state.failures.delete(action.key);
        return;
      case 'removeSandbox':
        await node.runtime.removeSandbox(action.id);
        state.sandboxes = state.sandboxes.filter((s) => s.id !== action.id);
        return;
      case 'release':
        return release(context);
      case 'forget':
        return forget(context);
    }
  }

  /** A call that failed may have taken effect all the same: look before trying again. */
  #relist(): void {
    const uid = this.pod.metadata.uid;
    const { version } = this;
    void this.#context.node.runtime
      .list()
      .then(
        (all) =>
          version === this.version &&
          this.observeAll(
            all.sandboxes.filter((s) => s.podUid === uid),
            all.containers.filter((c) => c.podUid === uid),
          ),
      )
      .catch(() => {});
  }

  async #learn(id: string, sandboxId?: string): Promise<void> {
    await learn(this.#context, id, sandboxId).catch((error: unknown) =>
      this.#context.node.log.debug('no container status', { id, error: messageOf(error) }),
    );
  }

  /** Containers without probes are started and ready as soon as they run. */
  #memory(): void {
    const { state } = this.#context;
    for (const c of state.containers.values()) {
      const memory = state.memory.get(c.id);
      const spec = specOf(state.pod, c.name);
      if (c.state !== 'running' || !memory || !spec) continue;
      if (this.#initialReady.has(c.id) && !this.#probes.has(c.id))
        Object.assign(memory, { started: true, ready: true });
      if (!spec.startupProbe) memory.started = true;
      if (memory.started && !spec.readinessProbe) memory.ready = true;
    }
  }

  #crashLoop(name: string, untilMs: number): void {
    const { state, node } = this.#context;
    const { metadata } = state.pod;
    const id = `${name}_${metadata.namespace}`;
    const podText = `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
    const ms = state.backoffs.get(name)?.ms ?? 0;
    state.waiting.set(name, {
      reason: 'CrashLoopBackOff',
      message: `back-off ${goSeconds(ms)} restarting failed container=${name} pod=${podText}`,
    });
    if (this.#announced.get(id) === untilMs) return;
    this.#announced.set(id, untilMs);
    node.event(
      state.pod,
      fieldPathOf(state.pod, name),
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${name} in pod ${podText}`,
    );
  }

  #report(): void {
    const { state, node } = this.#context;
    if (state.termination?.why === 'removed') return;
    // What has been removed from the runtime stays as it was last reported.
    if (state.termination && state.released) return;
    const old: PodStatus = { ...state.status, conditions: mergedConditions(state.pod.status, state.status) };
    const status = computeStatus(seenOf(this.#context), {
      hostIp: node.facts().hostIp,
      old,
      runtimeName: node.runtime.name,
    });
    state.status = status;
    const text = JSON.stringify(status);
    if (text === this.#reported) return;
    this.#reported = text;
    node.reportStatus(state.pod, status);
  }
}
