// All pods of this node: one worker per uid. It takes what the API says (complete or as changes), what the runtime says, and
// hands each to its worker. Pods that the runtime has and the API does not are ended only once `reconcile` is told that the
// API's answer is complete.
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { parseTime } from '../../src/machinery/time.ts';
import { instanceLog, podLogs } from '../logs/paths.ts';
import type { ContainerRecord, Runtime, RuntimeHint } from '../runtime.ts';
import { labels } from '../runtime.ts';
import { admit } from './admission.ts';
import { messageOf, type Node } from './context.ts';
import { byTurn, refusal, resizeConditions } from './resize.ts';
import { PodWorker } from './worker.ts';

const relistMs = 10_000;
/** Without a list of the runtime for so long, something hangs: the kubelet's relist threshold. */
const relistLateMs = 3 * 60_000;

export class PodManager {
  readonly #node: Node;
  readonly #workers = new Map<string, PodWorker>();
  #relistCancel: (() => void) | undefined;
  #relisting = false;
  #relistAgain = false;
  #relistedAtMs = 0;
  #authoritative = false;
  #stopped = false;
  /** Pods that the runtime held when this agent started; undefined until it could be asked. */
  #found: ReadonlySet<string> | undefined;

  constructor(node: Node) {
    this.#node = node;
  }

  /** Adopts what runs already; `pods` is the last snapshot. */
  async start(pods: readonly Pod[]): Promise<void> {
    this.#relistedAtMs = this.#node.timers.now();
    const all = await this.#node.runtime.list().catch(() => undefined);
    if (all) this.#foundAll(all);
    for (const pod of pods) {
      const uid = pod.metadata.uid;
      const worker = this.#add(pod, true);
      if (all)
        worker.observeAll(
          all.sandboxes.filter((s) => s.podUid === uid),
          all.containers.filter((c) => c.podUid === uid),
        );
    }
    this.#node.runtime.watch((hint) => this.#hint(hint));
    this.#scheduleRelist();
  }

  pods(): Pod[] {
    return [...this.#workers.values()].map((w) => w.pod);
  }

  /** It still looks at the runtime, and the runtime still answers. */
  get healthy(): boolean {
    return this.#node.timers.now() - this.#relistedAtMs < relistLateMs;
  }

  worker(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** The pods that the API assigns to this node, all of them. `complete`: straight from the API, not from a snapshot. */
  reconcile(pods: readonly Pod[], complete: boolean): void {
    const wanted = new Set(pods.map((p) => p.metadata.uid));
    for (const pod of pods) {
      const worker = this.#workers.get(pod.metadata.uid);
      if (worker) {
        if (worker.pod !== pod) worker.update(pod);
      } else this.#add(pod, false);
    }
    for (const [uid, worker] of this.#workers) if (!wanted.has(uid)) worker.remove();
    this.#settleResizes();
    if (complete && !this.#authoritative) {
      this.#authoritative = true;
      this.relist();
    }
  }

  drained(uids: readonly string[]): void {
    for (const uid of uids) this.#workers.get(uid)?.drained();
  }

  /** A config map or secret of this namespace (or a service, with '') has changed. */
  refresh(namespace: string): void {
    for (const w of this.#workers.values()) if (namespace === '' || w.pod.metadata.namespace === namespace) w.refresh();
  }

  /** Containers that run, with their pods. */
  *running(): Iterable<{ pod: Pod; container: ContainerRecord }> {
    for (const { pod, state } of this.#workers.values())
      for (const container of state.containers.values()) if (container.state === 'running') yield { pod, container };
  }

  /** Log files of running containers, to be looked after. */
  *logFiles(): Iterable<{ containerId: string; file: string }> {
    if (this.#node.logsDirectory === '') return;
    for (const { pod, container: c } of this.running()) {
      const file = path.join(podLogs(this.#node.logsDirectory, pod.metadata), instanceLog(c.name, c.attempt));
      yield { containerId: c.id, file };
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#relistCancel?.();
    for (const w of this.#workers.values()) w.stop();
  }

  #add(pod: Pod, adopted: boolean): PodWorker {
    const uid = pod.metadata.uid;
    const worker = new PodWorker(this.#node, pod, this.#found !== undefined && !this.#found.has(uid), () =>
      this.#workers.delete(uid),
    );
    const isNew = !adopted && pod.status?.startTime === undefined && !pod.metadata.deletionTimestamp;
    if (isNew) {
      const refused = admit(pod, this.#allocated(), this.#node.objects.node());
      if (refused) worker.reject(refused.reason, refused.message);
    }
    this.#workers.set(uid, worker);
    // What is there of it already has to be looked at first.
    if (!adopted && (!this.#found || this.#found.has(uid))) this.relist();
    return worker;
  }

  /** The pods that count, but for one, with what is allocated to them. */
  #allocated(except?: PodWorker): Pod[] {
    const active = [...this.#workers.values()].filter((w) => !w.state.termination && !w.state.rejected);
    return active.filter((w) => w !== except).map((w) => w.state.pod);
  }

  /** Looks again at every pod that waits for resources: others may have left some. */
  #settleResizes(): void {
    const sinceMs = (w: PodWorker): number | undefined =>
      parseTime(w.state.status.conditions?.find((c) => c.type === resizeConditions.pending)?.lastTransitionTime);
    const turns = [...this.#workers.values()]
      .filter((w) => w.waitsForResize)
      .map((worker) => ({ worker, pod: worker.pod, allocated: worker.state.pod, sinceMs: sinceMs(worker) }))
      .toSorted(byTurn);
    for (const { worker, pod } of turns)
      worker.settleResize(refusal(pod, this.#allocated(worker), this.#node.objects.node()));
  }

  #foundAll(all: Awaited<ReturnType<Runtime['list']>>): void {
    this.#found = new Set([...all.sandboxes, ...all.containers].map((x) => x.podUid));
  }

  #hint(hint: RuntimeHint): void {
    if (hint.type === 'all') {
      this.relist();
      return;
    }
    for (const w of this.#workers.values()) {
      const { containers, sandboxes } = w.state;
      if (!containers.has(hint.id) && !sandboxes.some((s) => s.id === hint.id)) continue;
      if (hint.event === 'oom') w.oom(hint.id);
      else if (hint.event === 'exit') void w.exited(hint.id);
      return;
    }
  }

  #scheduleRelist(): void {
    this.#relistCancel?.();
    if (!this.#stopped) this.#relistCancel = this.#node.timers.after(relistMs, () => this.relist());
  }

  /** Compares everything with the runtime's list. */
  relist(): void {
    if (this.#relisting) {
      this.#relistAgain = true;
      return;
    }
    this.#relisting = true;
    void this.#list()
      .catch((error: unknown) => this.#node.log.warn('runtime list failed', { error: messageOf(error) }))
      .finally(() => {
        this.#relisting = false;
        this.#scheduleRelist();
        if (this.#relistAgain) {
          this.#relistAgain = false;
          this.relist();
        }
      });
  }

  async #list(): Promise<void> {
    const before = new Map([...this.#workers].map(([uid, w]) => [uid, w.version]));
    const all = await this.#node.runtime.list();
    this.#relistedAtMs = this.#node.timers.now();
    if (!this.#found) this.#foundAll(all);
    const sandboxes = Map.groupBy(all.sandboxes, (s) => s.podUid);
    const containers = Map.groupBy(all.containers, (c) => c.podUid);
    for (const uid of new Set([...sandboxes.keys(), ...containers.keys(), ...this.#workers.keys()])) {
      let worker = this.#workers.get(uid);
      if (!worker) {
        if (!this.#authoritative) continue;
        const sandbox = sandboxes.get(uid)?.[0];
        worker = this.#add(
          orphan(
            uid,
            sandbox?.podName ?? uid,
            sandbox?.podNamespace ?? '',
            (containers.get(uid) ?? []).map((c) => c.name),
          ),
          true,
        );
        worker.remove();
      }
      // A list that a step has overtaken would make a new sandbox look absent.
      else if (worker.version !== before.get(uid)) {
        this.#relistAgain = true;
        continue;
      }
      worker.observeAll(sandboxes.get(uid) ?? [], containers.get(uid) ?? []);
    }
    this.#settleResizes();
    if (!this.#authoritative) return;
    // Directories and cgroups of pods that are gone altogether.
    for (const uid of await this.#node.volumes.list())
      if (!this.#workers.has(uid)) await this.#node.volumes.unmount(uid).catch(() => {});
    for (const uid of await this.#node.cgroups.list())
      if (!this.#workers.has(uid)) await this.#node.cgroups.remove(uid).catch(() => false);
  }
}

/** Enough of a pod to end what it left in the runtime. */
function orphan(uid: string, name: string, namespace: string, containers: readonly string[]): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      uid,
      name,
      namespace,
      resourceVersion: '0',
      creationTimestamp: '1970-01-01T00:00:00Z',
      labels: { [labels.podUid]: uid },
    },
    spec: { containers: [...new Set(containers)].map((n) => ({ name: n })), terminationGracePeriodSeconds: 30 },
    status: {},
  };
}
