// A runtime without containers: sandboxes and containers are records that live and die by the clock given. What a container
// does is said in its pod's annotations (handed on with the sandbox):
//   simulated.tiffin.dev/run-seconds: "5"   it ends by itself after that long (default: runs on)
//   simulated.tiffin.dev/exit-code: "1"     with this code (default 0)
//   simulated.tiffin.dev/memory-bytes: "1"  each container uses so much memory (default: see usage.ts)
//   simulated.tiffin.dev/cpu-milli: "1"     and so many thousandths of a core (the same)
// SIGTERM ends it at once with 0 (143 without a handler is what most real programs report; servers end with 0).

import { toHex } from '../../src/machinery/bytes.ts';
import type { Random, Timers } from '../../src/ports/index.ts';
import type { Prober } from '../probes/probe.ts';
import {
  type ContainerConfig,
  type ContainerRecord,
  type ExecResult,
  type Image,
  type LinuxResources,
  labels,
  type Runtime,
  type RuntimeCounters,
  RuntimeError,
  type RuntimeHint,
  type Sandbox,
  type SandboxConfig,
} from '../runtime.ts';
import { plausibleUse } from './usage.ts';

export interface SimulatedRuntimeOptions {
  timers: Timers;
  random: Random;
  /** How long a sandbox and a container take to start. */
  startMs?: number;
  /** The n-th pod's address. */
  address(n: number): string;
}

const annotation = 'simulated.tiffin.dev/';

interface SimulatedContainer {
  record: ContainerRecord;
  resources: LinuxResources;
  cancel?: () => void;
}

export class SimulatedRuntime implements Runtime {
  readonly name = 'simulated';
  readonly #o: SimulatedRuntimeOptions;
  readonly #sandboxes = new Map<string, { sandbox: Sandbox; config: SandboxConfig }>();
  readonly #containers = new Map<string, SimulatedContainer>();
  #listeners: ((hint: RuntimeHint) => void)[] = [];
  #addresses = 0;

  constructor(options: SimulatedRuntimeOptions) {
    this.#o = options;
  }

  async version(): Promise<{ name: string; version: string }> {
    return { name: 'simulated', version: '1' };
  }

  async status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    return { runtimeReady: true, networkReady: true, message: '' };
  }

  async list(): Promise<{ sandboxes: Sandbox[]; containers: ContainerRecord[] }> {
    return {
      sandboxes: [...this.#sandboxes.values()].map((s) => ({ ...s.sandbox })),
      containers: [...this.#containers.values()].map((c) => ({ ...c.record })),
    };
  }

  async sandboxStatus(id: string): Promise<Sandbox> {
    return { ...this.#sandbox(id).sandbox };
  }

  async containerStatus(id: string): Promise<ContainerRecord> {
    return { ...this.#container(id).record };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    await this.#pause();
    const { uid, name, namespace, attempt } = config.metadata;
    for (const { sandbox: s } of this.#sandboxes.values()) {
      if (s.podUid === uid && s.attempt === attempt)
        throw new RuntimeError('UNKNOWN', `failed to reserve sandbox name: it is reserved for "${s.id}"`);
    }
    const id = this.#id();
    const host = config.linux.security_context.namespace_options.network === 'NODE';
    const sandbox: Sandbox = {
      id,
      podUid: uid,
      podName: name,
      podNamespace: namespace,
      attempt,
      ready: true,
      createdAtMs: this.#o.timers.now(),
      ips: host ? [] : [this.#o.address(this.#addresses++)],
    };
    this.#sandboxes.set(id, { sandbox, config });
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    const found = this.#sandboxes.get(id);
    if (!found) return;
    for (const c of this.#containers.values()) if (c.record.sandboxId === id) this.#end(c, 137, 'Error');
    found.sandbox.ready = false;
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    for (const [key, c] of this.#containers) if (c.record.sandboxId === id) this.#containers.delete(key);
    this.#sandboxes.delete(id);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const { sandbox } = this.#sandbox(sandboxId);
    if (!sandbox.ready) throw new RuntimeError('UNKNOWN', `sandbox container "${sandboxId}" is not running`);
    for (const { record: r } of this.#containers.values()) {
      if (
        r.podUid === sandbox.podUid &&
        r.name === config.metadata.name &&
        r.attempt === config.metadata.attempt &&
        r.sandboxId === sandboxId
      ) {
        throw new RuntimeError('UNKNOWN', `failed to reserve container name: it is reserved for "${r.id}"`);
      }
    }
    const { pid, target_id = '' } = config.linux.security_context.namespace_options;
    if (pid === 'TARGET') this.#checkTarget(target_id, sandboxId);
    const id = this.#id();
    const record: ContainerRecord = {
      id,
      sandboxId,
      podUid: config.labels[labels.podUid] ?? sandbox.podUid,
      name: config.metadata.name,
      attempt: config.metadata.attempt,
      state: 'created',
      createdAtMs: this.#o.timers.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
      image: config.image.user_specified_image,
      imageRef: config.image.image,
      annotations: { ...config.annotations },
    };
    this.#containers.set(id, { record, resources: config.linux.resources });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#pause();
    const c = this.#container(id);
    if (c.record.state !== 'created')
      throw new RuntimeError('UNKNOWN', `container "${id}" is in state ${c.record.state}`);
    c.record.state = 'running';
    c.record.startedAtMs = this.#o.timers.now();
    const given = this.#sandboxes.get(c.record.sandboxId)?.config.annotations ?? {};
    const seconds = given[`${annotation}run-seconds`];
    if (seconds === undefined) return;
    const code = Number(given[`${annotation}exit-code`] ?? 0);
    c.cancel = this.#o.timers.after(Number(seconds) * 1000, () =>
      this.#end(c, code, code === 0 ? 'Completed' : 'Error'),
    );
  }

  async stopContainer(id: string, _timeoutSeconds: number): Promise<void> {
    const c = this.#containers.get(id);
    if (c) this.#end(c, 0, 'Completed');
  }

  async removeContainer(id: string): Promise<void> {
    const c = this.#containers.get(id);
    if (c) this.#end(c, 137, 'Error');
    this.#containers.delete(id);
  }

  async updateContainer(id: string, resources: LinuxResources): Promise<void> {
    const c = this.#container(id);
    const given = Object.entries(resources).filter(([, value]) => value !== 0);
    c.resources = { ...c.resources, ...Object.fromEntries(given) };
  }

  async memoryUsage(id: string): Promise<number> {
    const { record } = this.#container(id);
    return Number(this.#sandboxes.get(record.sandboxId)?.config.annotations[`${annotation}memory-bytes`] ?? 0);
  }

  async stats(): Promise<RuntimeCounters> {
    const nowMs = this.#o.timers.now();
    const running = [...this.#containers.values()].filter((c) => c.record.state === 'running');
    const containers = running.map(({ record }) => {
      const { annotations: given = {}, metadata } = this.#sandboxes.get(record.sandboxId)?.config ?? {};
      const usual = plausibleUse(metadata?.name ?? '', record.name);
      const bytes = Number(given[`${annotation}memory-bytes`] ?? usual.bytes);
      const milli = Number(given[`${annotation}cpu-milli`] ?? usual.milli);
      return {
        id: record.id,
        atMs: nowMs,
        cpuNanoseconds: (nowMs - record.startedAtMs) * 1000 * milli,
        usageBytes: bytes,
        workingSetBytes: bytes,
        rssBytes: bytes,
      };
    });
    return { containers, sandboxes: [] };
  }

  async imageUsage(): Promise<undefined> {}

  /** For tests: the limits in force. */
  resourcesOf(id: string): LinuxResources {
    return this.#container(id).resources;
  }

  async exec(id: string): Promise<ExecResult> {
    if (this.#container(id).record.state !== 'running') throw new RuntimeError('UNKNOWN', 'container is not running');
    return { exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array() };
  }

  async reopenLog(): Promise<void> {}

  /** For tests: the process of a container dies, as by SIGKILL from outside. */
  crash(id: string, exitCode = 137): void {
    this.#end(this.#container(id), exitCode, 'Error');
  }

  async imageStatus(reference: string): Promise<Image> {
    return { id: `sha256:${reference}`, tags: [reference], digests: [], sizeBytes: 1, username: '', pinned: false };
  }

  async listImages(): Promise<Image[]> {
    return [];
  }

  async pullImage(reference: string): Promise<string> {
    return `sha256:${reference}`;
  }

  watch(listener: (hint: RuntimeHint) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#listeners = [];
  }

  #end(c: SimulatedContainer, exitCode: number, reason: string): void {
    c.cancel?.();
    if (c.record.state !== 'running') return;
    Object.assign(c.record, { state: 'exited', finishedAtMs: this.#o.timers.now(), exitCode, reason });
    for (const listener of this.#listeners) listener({ type: 'container', id: c.record.id, event: 'exit' });
  }

  #pause(): Promise<void> {
    const ms = this.#o.startMs ?? 0;
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#o.timers.after(ms, resolve));
  }

  #id(): string {
    return toHex(this.#o.random.bytes(32));
  }

  #checkTarget(id: string, sandboxId: string): void {
    const { record } = this.#container(id);
    if (record.sandboxId !== sandboxId || record.state !== 'running')
      throw new RuntimeError('UNKNOWN', `invalid target container: container "${id}" is not running in this sandbox`);
  }

  #sandbox(id: string): { sandbox: Sandbox; config: SandboxConfig } {
    const found = this.#sandboxes.get(id);
    if (!found) throw new RuntimeError('NOT_FOUND', `an error occurred when try to find sandbox "${id}": not found`);
    return found;
  }

  #container(id: string): SimulatedContainer {
    const found = this.#containers.get(id);
    if (!found) throw new RuntimeError('NOT_FOUND', `an error occurred when try to find container "${id}": not found`);
    return found;
  }
}

/** All probes pass. */
export const simulatedProber: Prober = { run: async () => ({ outcome: 'success', output: '' }) };
