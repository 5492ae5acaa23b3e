// The scheduler: keeps a snapshot of nodes and pods from the feed, plans pods that wait, and binds them through
// pods/binding. A pod counts on its node from the moment it is planned there (assumed), before the API server confirms.
// Its state is a copy of what the ledger holds: a fresh start lists everything, so its cursor need not be stored. A pod
// that fits nowhere waits without any timer until a change of a node could let it in.
// It does not preempt. Pods of other schedulers, with scheduling gates or on their way out are left alone.
import type { Binding, Node, Pod, PodCondition } from '../generated/schemas/core-v1.ts';
import { nodes, pods } from '../generated/schemas/index.ts';
import { groupResource } from '../machinery/meta.ts';
import { formatTime } from '../machinery/time.ts';
import type { Alarm, Clock, Log, Random, Timers } from '../ports/index.ts';
import { backoffMs } from '../reconcile/backoff.ts';
import { Recorder } from '../reconcile/events.ts';
import type { Interest } from '../reconcile/interest.ts';
import type { Client, Feed, ObjectChange, Write, WriteOutcome } from '../reconcile/types.ts';
import type { PodInfo } from './framework.ts';
import { fits, plan } from './plan.ts';
import { SchedulingQueue } from './queue.ts';
import { podInfo } from './resources.ts';
import { Cluster, hasEnded } from './snapshot.ts';

export interface SchedulerOptions {
  clock: Clock;
  /** See the recorder's options. */
  timers?: Timers;
  random: Random;
  log: Log;
  client: Client;
  feed: Feed;
  alarm: Alarm;
  /** Default: `default-scheduler`. */
  schedulerName?: string;
}

export interface Scheduler {
  /** The ledger has reached `revision`. Resolves when every pod that can be placed is bound. */
  poke(revision: number): Promise<{ cursor: number }>;
  /** The alarm fired. Never throws. */
  alarm(): Promise<void>;
}

const watched: Interest = { all: [groupResource(pods), groupResource(nodes)], ends: [], names: {} };
const feedPage = 1000;
/** Pods planned before their bindings are written. */
const batchMax = 100;
const stallMs = 60_000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new FeedScheduler(options);
}

interface Run {
  progressMs: number;
  wake: () => void;
  done: Promise<void>;
}

/** A planned binding, or the condition of a pod that fits nowhere. */
interface Step {
  info: PodInfo;
  write: Write;
  nodeName: string | undefined;
  message: string;
}

class FeedScheduler implements Scheduler {
  readonly #options: SchedulerOptions;
  readonly #name: string;
  readonly #events: Recorder;
  #cluster = new Cluster();
  #queue = new SchedulingQueue();
  /** Undefined until everything has been listed. */
  #position: number | undefined;
  /** The life of the ledger that the position is of (see Feed). */
  #life: string | undefined;
  /** uid → node of pods whose binding is not confirmed yet. */
  readonly #assumed = new Map<string, string>();
  /** Failures so far of pods that are assumed. */
  readonly #failures = new Map<string, number>();
  /** Nodes that may take more than before. */
  readonly #changed = new Set<string>();
  /** Pods came or went, or nodes did: what others depend on where pods are may have changed. */
  #moved = false;
  #run: Run | undefined;
  #look = false;
  #start = 0;
  #feedFailures = 0;
  #feedRetryMs: number | undefined;
  #armedMs: number | undefined | null = null;
  #alarmFloorMs = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#name = options.schedulerName ?? 'default-scheduler';
    const { client, clock, log } = options;
    this.#events = new Recorder({ client, clock, timers: options.timers, log, component: this.#name });
  }

  async poke(revision: number): Promise<{ cursor: number }> {
    if (this.#position === undefined || revision > this.#position) await this.#go();
    else await this.#run?.done;
    return { cursor: this.#position ?? 0 };
  }

  async alarm(): Promise<void> {
    this.#alarmFloorMs = Math.max(this.#alarmFloorMs, (this.#armedMs ?? this.#options.clock.now()) + 1);
    this.#armedMs = undefined;
    await this.#go();
  }

  #go(): Promise<void> {
    const { clock, log } = this.#options;
    this.#look = true;
    const nowMs = clock.now();
    if (this.#run && nowMs - this.#run.progressMs < stallMs) {
      this.#run.wake();
      return this.#run.done;
    }
    if (this.#run) {
      log.warn('a run made no progress and is abandoned', { sinceMs: this.#run.progressMs });
      this.#position = undefined;
    }
    const run: Run = { progressMs: nowMs, wake: () => undefined, done: Promise.resolve() };
    this.#run = run;
    run.done = this.#loop(run)
      .catch((error: unknown) => {
        // What is in memory may be half done: begin afresh next time.
        this.#position = undefined;
        log.error('the scheduler stopped early', { error: String(error) });
      })
      .finally(() => {
        if (this.#run === run) this.#run = undefined;
      });
    return run.done;
  }

  async #loop(run: Run): Promise<void> {
    let recording: Promise<void> | undefined;
    while (this.#run === run) {
      const woken = new Promise<void>((resolve) => {
        run.wake = resolve;
      });
      if (this.#look) {
        this.#look = false;
        await this.#read(run);
        if (this.#run !== run) return;
      }
      this.#queue.ripen(this.#options.clock.now());
      if (this.#queue.hasActive && this.#position !== undefined) await this.#schedule(run);
      if (this.#run !== run) return;
      run.progressMs = this.#options.clock.now();
      if (!recording && this.#events.pending)
        recording = this.#events.flush().finally(() => {
          recording = undefined;
          run.wake();
        });
      if (this.#look || (this.#queue.hasActive && this.#position !== undefined)) continue;
      this.#arm();
      if (!recording) return;
      await woken;
    }
  }

  #arm(): void {
    const nowMs = this.#options.clock.now();
    let next = this.#queue.ripen(nowMs);
    if (this.#feedRetryMs !== undefined) next = Math.min(next ?? this.#feedRetryMs, this.#feedRetryMs);
    if (next !== undefined) next = Math.max(next, this.#alarmFloorMs);
    if (next === this.#armedMs) return;
    this.#options.alarm.set(next);
    this.#armedMs = next;
  }

  /** Plans the most urgent pods and writes what was decided, in one call. */
  async #schedule(run: Run): Promise<void> {
    const { clock, client, log, random } = this.#options;
    const steps: Step[] = [];
    for (const info of this.#queue.urgent(batchMax)) {
      const { uid } = info.pod.metadata;
      const count = this.#cluster.nodes.length;
      const decision = plan(this.#cluster, info, {
        pick: (max) => random.int(max),
        start: count ? this.#start++ % count : 0,
      });
      if (decision.type === 'bind') {
        const failures = this.#queue.failures(uid);
        this.#queue.delete(uid);
        this.#cluster.place(info.pod, decision.nodeName, info);
        this.#assumed.set(uid, decision.nodeName);
        if (failures > 0) this.#failures.set(uid, failures);
        steps.push({ info, write: binding(info.pod, decision.nodeName), nodeName: decision.nodeName, message: '' });
      } else {
        this.#queue.refuse(uid, decision.elsewhere);
        const { message } = decision;
        const write = unschedulable(info.pod, message, formatTime(clock.now()));
        if (write) steps.push({ info, write, nodeName: undefined, message });
      }
    }
    if (steps.length === 0) return;
    let outcomes: WriteOutcome[];
    try {
      outcomes = await client.write(steps.map((step) => step.write));
    } catch (error) {
      log.warn('writing bindings failed', { error: String(error) });
      outcomes = [];
    }
    if (this.#run !== run) return;
    for (const [i, step] of steps.entries()) this.#conclude(step, outcomes[i]);
  }

  #conclude(step: Step, outcome: WriteOutcome | undefined): void {
    const { pod } = step.info;
    const { uid, name, namespace } = pod.metadata;
    if (step.nodeName === undefined) {
      if (outcome?.ok) this.#events.record(pod, 'Warning', 'FailedScheduling', step.message);
      return;
    }
    const failures = (this.#failures.get(uid) ?? 0) + 1;
    this.#failures.delete(uid);
    if (outcome?.ok) {
      this.#events.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${step.nodeName}`);
      return;
    }
    // The feed may have said meanwhile what became of the pod; then nothing is assumed any more.
    if (!this.#assumed.delete(uid)) return;
    this.#free(this.#cluster.remove(uid));
    const reason = outcome?.status.reason;
    if (reason === 'NotFound') return;
    this.#queue.fail(step.info, failures, this.#options.clock.now());
    // Bound by someone else, or on its way out: the feed tells, and takes it out of the queue.
    if (reason === 'Conflict') return;
    const why = outcome?.status.message ?? 'the API server does not answer';
    this.#events.record(pod, 'Warning', 'FailedScheduling', `binding rejected: ${why}`);
    this.#options.log.warn('binding failed', { pod: `${namespace}/${name}`, node: step.nodeName, error: why });
  }

  async #read(run: Run): Promise<void> {
    const { clock, feed, log } = this.#options;
    try {
      for (;;) {
        const after = this.#position ?? 0;
        if (this.#position === undefined) await this.#list();
        const from = this.#position ?? after;
        const page = await feed.changes(from, watched, feedPage, this.#life);
        if (this.#run !== run) return;
        run.progressMs = clock.now();
        if (page.reset || page.current < from) {
          this.#position = undefined;
          continue;
        }
        for (const change of page.changes) this.#apply(change);
        this.#position = page.through;
        this.#life = page.life;
        if (page.through >= page.current) break;
      }
      this.#feedFailures = 0;
      this.#feedRetryMs = undefined;
      this.#reconsider();
    } catch (error) {
      this.#feedFailures++;
      this.#feedRetryMs = clock.now() + backoffMs(this.#feedFailures, { baseMs: 200, maxMs: 60_000 });
      log.warn('reading the feed failed', { error: String(error), failures: this.#feedFailures });
    }
  }

  /** Begins afresh from everything there is. What changes meanwhile is in the feed after the revision taken first. */
  async #list(): Promise<void> {
    const { client, feed } = this.#options;
    const { current, life } = await feed.changes(0, watched, 1);
    const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)]);
    this.#cluster = new Cluster();
    this.#queue = new SchedulingQueue();
    this.#assumed.clear();
    this.#failures.clear();
    this.#changed.clear();
    for (const node of nodeList) this.#cluster.setNode(node);
    for (const pod of podList) this.#putPod(pod);
    this.#position = current;
    this.#life = life;
  }

  #apply(change: ObjectChange): void {
    const { name } = change.object.metadata;
    if (change.resource.plural === nodes.plural) {
      this.#moved = true;
      if (change.type === 'delete') this.#cluster.removeNode(name);
      else {
        this.#cluster.setNode(change.object as Node);
        this.#changed.add(name);
      }
    } else if (change.type === 'put') this.#putPod(change.object as Pod);
    else this.#dropPod(change.object.metadata.uid);
  }

  #putPod(pod: Pod): void {
    const { uid, deletionTimestamp } = pod.metadata;
    if (hasEnded(pod)) {
      this.#dropPod(uid);
      return;
    }
    if (pod.spec?.nodeName) {
      this.#assumed.delete(uid);
      this.#queue.delete(uid);
      this.#moved = true;
      const before = this.#cluster.nodeOf(uid);
      this.#cluster.place(pod, pod.spec.nodeName);
      if (before !== undefined) this.#free(before);
      return;
    }
    // The binding is on its way; what the feed says now is from before it.
    if (this.#assumed.has(uid) && !deletionTimestamp) return;
    const mine = (pod.spec?.schedulerName ?? 'default-scheduler') === this.#name;
    if (!mine || deletionTimestamp || (pod.spec?.schedulingGates ?? []).length > 0) this.#dropPod(uid);
    else this.#queue.put(podInfo(pod));
  }

  #dropPod(uid: string): void {
    this.#assumed.delete(uid);
    this.#queue.delete(uid);
    this.#free(this.#cluster.remove(uid));
  }

  #free(nodeName: string | undefined): void {
    if (nodeName === undefined) return;
    this.#changed.add(nodeName);
    this.#moved = true;
  }

  /** Looks whether refused pods fit after what has changed. */
  #reconsider(): void {
    const changed = [...this.#changed].flatMap((name) => this.#cluster.node(name) ?? []);
    if (changed.length > 0 || this.#moved)
      this.#queue.retry(
        (pod, elsewhere) => (this.#moved && elsewhere) || changed.some((node) => fits(this.#cluster, pod, node)),
      );
    this.#changed.clear();
    this.#moved = false;
  }
}

function binding(pod: Pod, nodeName: string): Write {
  const { name, namespace, uid } = pod.metadata;
  const object: Binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid } as Binding['metadata'],
    target: { kind: 'Node', name: nodeName },
  };
  return { verb: 'create', resource: pods, namespace, name, subresource: 'binding', object };
}

/** The condition that says so; undefined when the pod says it already. */
function unschedulable(pod: Pod, message: string, now: string): Write | undefined {
  const { name, namespace, uid, generation } = pod.metadata;
  const old = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (old?.status === 'False' && old.reason === 'Unschedulable' && old.message === message) return undefined;
  const condition: PodCondition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime: old?.status === 'False' ? (old.lastTransitionTime ?? now) : now,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const patch = { metadata: { uid }, status: { conditions: [condition] } };
  return { verb: 'patch', resource: pods, namespace, name, subresource: 'status', type: 'strategic', patch };
}
