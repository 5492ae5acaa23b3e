// One node: composes runtime, pods, network and link. It works from its snapshot at once and joins the control plane when
// that answers; losing the control plane changes nothing for what runs.
import path from 'node:path';
import type { NodeStatus } from '../src/generated/schemas/core-v1.ts';
import { asBytes, toNumberMilli } from '../src/machinery/quantity.ts';
import type { ClusterInfo, NodeWrite, SyncResponse } from '../src/protocol/node.ts';
import type { AgentParts } from './agent-parts.ts';
import { EventRecorder } from './events.ts';
import { ImageManager } from './images/manager.ts';
import { kubeletParts } from './kubelet/parts.ts';
import { ControlPlane, LinkError } from './link/api.ts';
import { Credential } from './link/credential.ts';
import { Drift, nodeFacts, podFacts } from './link/drift.ts';
import { Reporter } from './link/reporter.ts';
import { Saver } from './link/saver.ts';
import { diskFiles, Store } from './link/store.ts';
import { SyncLoop } from './link/sync.ts';
import { Tokens } from './link/tokens.ts';
import { rotateAll } from './logs/rotation.ts';
import type { NodeNetwork } from './network/types.ts';
import { NetworkApplier } from './network-applier.ts';
import { type Machine, nodeObject, nodeStatus } from './node-status.ts';
import type { Node as PodsNode } from './pods/context.ts';
import { PodManager } from './pods/manager.ts';
import { StreamServer } from './streams/serve.ts';
import { streamServers } from './streams/servers.ts';
import { Sampler } from './usage/sampler.ts';

const statusCheckMs = 10_000;
const unreadyCheckMs = 250;
const retryMs = 1000;
/** The echo of what the node has just said needs this long at most; what differs then was written by somebody else. */
const echoMs = 1000;

export class Agent {
  readonly pods: PodManager;
  readonly #p: AgentParts;
  readonly #api: ControlPlane;
  readonly #store: Store;
  readonly #saver: Saver;
  readonly #credential: Credential;
  readonly #tokens: Tokens;
  readonly #reporter: Reporter;
  readonly #events: EventRecorder;
  readonly #network: NodeNetwork;
  readonly #applier: NetworkApplier;
  readonly #streams: StreamServer;
  readonly #sampler: Sampler;
  #sync: SyncLoop | undefined;
  #cluster: ClusterInfo | undefined;
  #machine: Machine | undefined;
  readonly #drift = new Drift();
  #cancelCompare: (() => void) | undefined;
  #statusText = '';
  #status: NodeStatus | undefined;
  #announced = false;
  #stopped = false;
  #ready = false;
  #cancelStatus: (() => void) | undefined;

  constructor(parts: AgentParts) {
    this.#p = parts;
    const { timers, log } = parts;
    this.#api = new ControlPlane(parts.config.url, parts.nodeName, parts.fetch, timers);
    this.#store = new Store(parts.files ?? diskFiles(parts.stateDir), parts.nodeName);
    this.#saver = new Saver({ save: () => this.#store.save(), timers, log });
    this.#credential = new Credential({
      api: this.#api,
      store: this.#store,
      timers,
      random: parts.random,
      log,
      bootstrapToken: parts.config.bootstrapToken,
    });
    this.#tokens = new Tokens(this.#api, timers);
    this.#events = new EventRecorder(parts.nodeName, timers, parts.random, (event) =>
      this.#reporter.add({ type: 'event', object: event as unknown as Record<string, unknown> }),
    );
    this.#network = parts.network((csr) => this.#api.certificate(csr));
    this.#applier = new NetworkApplier({
      network: this.#network,
      store: this.#store,
      timers,
      log,
      cluster: () => this.#cluster!,
      acknowledge: () => this.#sync?.acknowledge(),
    });
    const session = parts.random.uuid();
    this.#reporter = new Reporter({
      timers,
      log,
      send: (writes) => this.#api.report({ session, writes }),
      answered: (write, code, message) => this.#answered(write, code, message),
    });
    this.pods = new PodManager(this.#podsNode());
    this.#sampler = new Sampler({ clock: timers, counters: parts.counters, running: () => this.pods.running() });
    this.#streams = new StreamServer(
      streamServers({
        pods: this.pods,
        logsDirectory: this.#logsDirectory(),
        timers,
        processes: parts.processes,
        hostIp: parts.config.address,
        kubelet: kubeletParts(parts, () => ({
          machine: this.#machine,
          cluster: this.#cluster,
          status: this.#status,
          dnsAddress: this.#network.dnsAddress,
          logsDirectory: this.#logsDirectory(),
        })),
      }),
      parts.dial(() => this.#api.credential),
      log,
    );
    this.#session = session;
  }

  readonly #session: string;

  get ready(): boolean {
    return this.#ready;
  }

  async start(): Promise<void> {
    await this.#store.load();
    this.#cluster = await this.#credential.load();
    const known = this.#cluster !== undefined;
    this.#machine = await this.#p.machine();
    if (known) await this.#applier.prepare();
    // A machine that restarted away from the control plane brings its pods back by itself.
    await this.pods.start(known ? this.#store.pods() : []);
    await this.#checkStatus();
    void this.#connect();
  }

  async stop(purge = false): Promise<void> {
    this.#stopped = true;
    this.#credential.stop();
    this.#cancelStatus?.();
    this.#cancelCompare?.();
    this.#sync?.stop();
    this.#applier.stop();
    this.#reporter.stop();
    this.#streams.stop();
    this.#p.processes?.stop();
    this.pods.stop();
    if (this.#cluster) await this.#store.save().catch(() => {});
    await this.#network.stop(purge);
    this.#p.runtime.close();
  }

  async #connect(): Promise<void> {
    const { timers, log } = this.#p;
    for (let failures = 0; !this.#cluster && !this.#stopped; failures++) {
      try {
        this.#cluster = await this.#credential.join();
        await this.#applier.prepare();
      } catch (error) {
        if (failures % 10 === 0) log.warn('cannot join yet', { error: String(error) });
        await new Promise<void>((resolve) =>
          timers.after(error instanceof LinkError && error.code === 0 ? 100 : retryMs, resolve),
        );
      }
    }
    if (this.#stopped) return;
    await this.#checkStatus();
    this.#credential.run();
    this.#reporter.open();
    this.#sync = new SyncLoop({
      api: this.#api,
      timers,
      log,
      session: this.#session,
      heartbeatMs: () => this.#cluster!.heartbeatMs,
      cursor: () => ({ epoch: this.#store.epoch, revision: this.#store.revision }),
      serviceRevision: () => this.#applier.serviceRevision,
      usage: () => this.#sampler.take(),
      take: (answer) => this.#take(answer),
      offered: (answer) => this.#offered(answer),
      connected: () => {},
      refused: () => this.#credential.refused(),
    });
    await this.#sync.run();
  }

  #take(answer: SyncResponse): void {
    const { reset, changes, revision, epoch } = answer;
    const touched = this.#store.apply(reset, changes);
    const moved = touched.resources.size > 0;
    if (epoch !== this.#store.epoch) this.#applier.serviceRevision = 0;
    this.#store.epoch = epoch;
    this.#store.revision = revision;
    if (touched.resources.has('nodes') && this.#applier.outdated) {
      void this.#applier.prepare().then(() => this.#checkStatus());
    }
    // The network first: a pod's first connection should find its services.
    this.#applier.moved(touched.resources, reset);
    if (reset || touched.resources.has('pods')) this.pods.reconcile(this.#store.pods(), reset);
    for (const namespace of touched.namespaces) this.pods.refresh(namespace);
    if (reset || moved) this.#saver.soon();
    if (touched.resources.has('pods') || touched.resources.has('nodes')) this.#compareSoon();
    if (reset) this.#tokens.keepOnly(new Set(this.#store.pods().map((p) => p.metadata.uid)));
  }

  #offered(answer: SyncResponse): void {
    this.pods.drained(answer.drained);
    this.#streams.offered(answer.streams);
  }

  #compareSoon(): void {
    if (this.#stopped) return;
    this.#cancelCompare ??= this.#p.timers.after(echoMs, () => {
      this.#cancelCompare = undefined;
      this.#compare();
    });
  }

  /** What the control plane holds of this node and its pods, and is not what they said, is said again. */
  #compare(): void {
    let waiting = false;
    const subjects = new Set<string>(['']);
    for (const pod of this.#store.pods()) {
      const { uid } = pod.metadata;
      const said = this.pods.worker(uid)?.state.status;
      subjects.add(uid);
      if (!said?.phase || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') continue;
      if (this.#reporter.pending(uid)) waiting = true;
      else {
        const [stored, own] = [podFacts(pod.status ?? {}), podFacts(said)];
        if (this.#drift.found(uid, stored, own, pod.metadata.resourceVersion)) this.pods.worker(uid)?.repeat();
      }
    }
    this.#drift.keepOnly(subjects);
    const node = this.#store.node();
    if (node && this.#status && this.#announced) {
      const [stored, said] = [nodeFacts(node.status, this.#status), nodeFacts(this.#status, this.#status)];
      if (this.#reporter.pending(undefined)) waiting = true;
      else if (this.#drift.found('', stored, said, node.metadata.resourceVersion)) {
        // Transition times count from what the control plane holds.
        this.#status = undefined;
        this.#statusText = '';
        this.#ready &&= node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
        void this.#checkStatus();
      }
    }
    if (waiting) this.#compareSoon();
  }

  #answered(write: NodeWrite, code: number, message: string | undefined): void {
    if (code < 400) return;
    if ((write.type === 'podStatus' || write.type === 'podGone') && (code === 404 || code === 409)) return;
    if (write.type === 'nodeStatus' && code === 404) this.#announced = false;
    if (write.type !== 'event') this.#p.log.warn('write refused', { type: write.type, code, message });
  }

  /** Looks at the runtime and the machine; speaks only when something has changed. */
  async #checkStatus(): Promise<void> {
    const { config, nodeName, runtime, timers } = this.#p;
    this.#cancelStatus?.();
    if (this.#stopped) return;
    const [health, version, images, machine] = await Promise.all([
      runtime
        .status()
        .catch((error: unknown) => ({ runtimeReady: false, networkReady: false, message: String(error) })),
      runtime
        .version()
        .then((v) => `${v.name}://${v.version.replace(/^v/, '')}`)
        .catch(() => this.#status?.nodeInfo?.containerRuntimeVersion ?? ''),
      runtime.listImages().catch(() => []),
      this.#p.machine(),
    ]);
    this.#machine = machine;
    const old = this.#status ? { ...this.#store.node(), status: this.#status } : this.#store.node();
    const status = nodeStatus(
      config,
      nodeName,
      machine,
      version,
      images,
      health,
      old as Parameters<typeof nodeStatus>[6],
      timers.now(),
    );
    const wasReady = this.#ready;
    this.#ready = health.runtimeReady && health.networkReady;
    this.#status = status;
    if (this.#cluster && !this.#announced) {
      this.#announced = true;
      this.#reporter.add({ type: 'node', object: nodeObject(config, nodeName, status) });
      this.#events.node('Normal', 'Starting', 'Starting kubelet.');
    }
    const text = JSON.stringify(status);
    if (this.#cluster && text !== this.#statusText) {
      this.#statusText = text;
      this.#reporter.add({ type: 'nodeStatus', status: status as Record<string, unknown> });
    }
    if (this.#ready && !wasReady) this.#events.node('Normal', 'NodeReady', `Node ${nodeName} status is now: NodeReady`);
    await rotateAll(this.pods.logFiles(), runtime, timers.now(), this.#p.log);
    for (const uid of this.#tokens.due()) this.pods.worker(uid)?.refresh();
    this.#cancelStatus?.();
    if (!this.#stopped)
      this.#cancelStatus = timers.after(this.#ready ? statusCheckMs : unreadyCheckMs, () => void this.#checkStatus());
  }

  #logsDirectory(): string {
    return this.#p.logsDirectory ?? path.join(this.#p.stateDir, 'logs');
  }

  #podsNode(): PodsNode {
    const { runtime, volumes, cgroups, prober, timers, log, gate, config, hostDns } = this.#p;
    const images = new ImageManager(runtime, this.#store, timers);
    return {
      runtime,
      volumes,
      images,
      cgroups,
      prober,
      timers,
      log,
      gate,
      objects: this.#store,
      logsDirectory: this.#logsDirectory(),
      seccompDirectory: path.join(this.#p.stateDir, 'seccomp'),
      facts: () => {
        const { allocatable = {}, capacity = {} } = this.#status ?? {};
        return {
          hostIp: config.address,
          hostName: this.#p.nodeName,
          clusterDomain: this.#cluster?.clusterDomain ?? 'cluster.local',
          dnsAddress: this.#network.dnsAddress,
          memoryCapacityBytes: capacity.memory ? asBytes(capacity.memory) : (this.#machine?.memoryBytes ?? 1),
          allocatable: {
            cpuMilli: toNumberMilli(allocatable.cpu ?? '0'),
            memoryBytes: asBytes(allocatable.memory ?? '0'),
          },
          hostDns,
        };
      },
      token: (pod, audience, seconds) => this.#tokens.get(pod, audience, seconds),
      event: (pod, fieldPath, type, reason, message) => this.#events.pod(pod, fieldPath, type, reason, message),
      reportStatus: (pod, status) => {
        const { namespace = '', name, uid } = pod.metadata;
        this.#store.noteStatus(uid, status);
        this.#saver.soon();
        this.#reporter.add({ type: 'podStatus', namespace, name, uid, status: status as Record<string, unknown> });
      },
      allocation: (uid) => this.#store.allocation(uid),
      noteAllocation: (uid, allocation) => {
        this.#store.noteAllocation(uid, allocation);
        this.#saver.soon();
      },
      reportGone: (pod) => {
        const { namespace = '', name, uid } = pod.metadata;
        this.#reporter.add({ type: 'podGone', namespace, name, uid });
      },
    };
  }
}
