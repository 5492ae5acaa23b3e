// The runtime on containerd: CRI for verbs and state, containerd's own event stream for hints (CRI's is missing in 1.6).
// The stream reconnects by itself and hints `all` after every interruption; a slow relist is the manager's backstop.
import type {
  ContainerConfig,
  ContainerRecord,
  ExecResult,
  Image,
  LinuxResources,
  RegistryAuth,
  Runtime,
  RuntimeCounters,
  RuntimeHint,
  Sandbox,
  SandboxConfig,
} from '../runtime.ts';
import { labels, RuntimeError } from '../runtime.ts';
import { CriClient } from './client.ts';
import { containerCounters, sandboxCounters } from './counters.ts';
import type {
  CriCondition,
  CriContainer,
  CriContainerStats,
  CriContainerStatus,
  CriFilesystem,
  CriImage,
  CriSandbox,
  CriSandboxStats,
} from './messages.ts';

const states = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
} as const;

const ms = (nanoseconds: number): number => Math.floor(nanoseconds / 1e6);
const reconnectMs = 250;

function sandboxOf(s: CriSandbox): Sandbox {
  const ips = s.network?.ip ? [s.network.ip, ...(s.network.additional_ips ?? []).map((a) => a.ip)] : [];
  return {
    id: s.id,
    podUid: s.metadata?.uid ?? '',
    podName: s.metadata?.name ?? '',
    podNamespace: s.metadata?.namespace ?? '',
    attempt: s.metadata?.attempt ?? 0,
    ready: s.state === 'SANDBOX_READY',
    createdAtMs: ms(s.created_at),
    ips,
  };
}

function imageOf(i: CriImage): Image {
  return {
    id: i.id,
    tags: i.repo_tags,
    digests: i.repo_digests,
    sizeBytes: i.size,
    ...(i.uid ? { uid: i.uid.value } : {}),
    username: i.username,
    pinned: i.pinned,
  };
}

async function ignoreAbsent(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === 'NOT_FOUND')) throw error;
  }
}

/** Field `number` of a message whose fields before it are texts too; '' where something else is there. */
function textOf(payload: Uint8Array, number: number): string {
  let at = 0;
  for (let field = 1; ; field++) {
    if (payload[at] !== ((field << 3) | 2)) return '';
    const start = at + 2;
    at = start + (payload[at + 1] ?? 0);
    if (field === number) return Buffer.from(payload.subarray(start, at)).toString('latin1');
  }
}

/** What an event of tasks hints at. Each begins with its container's id; that of an exit goes on with its process's. */
function hintOf(topic: string, payload: Uint8Array): RuntimeHint | undefined {
  const id = textOf(payload, 1);
  const hint = (event: 'exit' | 'oom'): RuntimeHint => ({ type: 'container', id, event });
  if (topic === '/tasks/oom') return hint('oom');
  // Started is learnt from StartContainer's answer; commands that end say nothing of their container.
  if (topic === '/tasks/delete' || (topic === '/tasks/exit' && textOf(payload, 2) === id)) return hint('exit');
  return undefined;
}

export class ContainerdRuntime implements Runtime {
  readonly name = 'containerd';
  readonly #client: CriClient;
  /** Sandbox of each container: ContainerStatus does not tell. */
  readonly #sandboxes = new Map<string, string>();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(socket: string) {
    this.#client = new CriClient(socket);
  }

  async version(): Promise<{ name: string; version: string }> {
    const v = await this.#client.runtime<{ runtime_name: string; runtime_version: string }>('Version', {}, 5000);
    return { name: v.runtime_name, version: v.runtime_version };
  }

  async status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    const answer = await this.#client.runtime<{ status?: { conditions: CriCondition[] } }>('Status', {}, 10_000);
    const find = (type: string): CriCondition | undefined => answer.status?.conditions.find((c) => c.type === type);
    const runtime = find('RuntimeReady');
    const network = find('NetworkReady');
    const text = (c: CriCondition): string => `${c.type}=false reason:${c.reason} message:${c.message}`;
    const problem = runtime?.status === false ? runtime : network?.status === false ? network : undefined;
    return {
      runtimeReady: runtime?.status ?? false,
      networkReady: network?.status ?? false,
      message: problem ? text(problem) : '',
    };
  }

  async list(): Promise<{ sandboxes: Sandbox[]; containers: ContainerRecord[] }> {
    const [sandboxes, containers] = await Promise.all([
      this.#client.runtime<{ items: CriSandbox[] }>('ListPodSandbox', {}, 30_000),
      this.#client.runtime<{ containers: CriContainer[] }>('ListContainers', {}, 30_000),
    ]);
    this.#sandboxes.clear();
    for (const c of containers.containers) this.#sandboxes.set(c.id, c.pod_sandbox_id);
    const records = await Promise.all(
      containers.containers.map((c) =>
        this.containerStatus(c.id).catch((error: unknown) => {
          if (error instanceof RuntimeError && error.code === 'NOT_FOUND') return undefined;
          throw error;
        }),
      ),
    );
    return { sandboxes: sandboxes.items.map(sandboxOf), containers: records.filter((r) => r !== undefined) };
  }

  async sandboxStatus(id: string): Promise<Sandbox> {
    const answer = await this.#client.runtime<{ status: CriSandbox }>(
      'PodSandboxStatus',
      { pod_sandbox_id: id },
      30_000,
    );
    return sandboxOf(answer.status);
  }

  async containerStatus(id: string): Promise<ContainerRecord> {
    const { status } = await this.#client.runtime<{ status: CriContainerStatus }>(
      'ContainerStatus',
      { container_id: id },
      30_000,
    );
    const user = status.user?.linux;
    return {
      id: status.id,
      sandboxId: this.#sandboxes.get(id) ?? '',
      podUid: status.labels[labels.podUid] ?? '',
      name: status.metadata?.name ?? '',
      attempt: status.metadata?.attempt ?? 0,
      state: states[status.state],
      createdAtMs: ms(status.created_at),
      startedAtMs: ms(status.started_at),
      finishedAtMs: ms(status.finished_at),
      exitCode: status.exit_code,
      reason: status.reason,
      message: status.message,
      image: status.image?.image ?? '',
      imageRef: status.image_ref,
      ...(user ? { user: { uid: user.uid, gid: user.gid, supplementalGroups: user.supplemental_groups } } : {}),
      annotations: status.annotations,
    };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    const answer = await this.#client.runtime<{ pod_sandbox_id: string }>('RunPodSandbox', { config }, 240_000);
    return answer.pod_sandbox_id;
  }

  stopSandbox(id: string): Promise<void> {
    return ignoreAbsent(this.#client.runtime('StopPodSandbox', { pod_sandbox_id: id }, 240_000));
  }

  removeSandbox(id: string): Promise<void> {
    return ignoreAbsent(this.#client.runtime('RemovePodSandbox', { pod_sandbox_id: id }));
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    const { container_id } = await this.#client.runtime<{ container_id: string }>('CreateContainer', {
      pod_sandbox_id: sandboxId,
      // KeyValue.value is bytes.
      config: { ...config, envs: config.envs.map((e) => ({ key: e.key, value: Buffer.from(e.value) })) },
      sandbox_config: sandbox,
    });
    this.#sandboxes.set(container_id, sandboxId);
    return container_id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#client.runtime('StartContainer', { container_id: id });
  }

  stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    const request = { container_id: id, timeout: timeoutSeconds };
    return ignoreAbsent(this.#client.runtime('StopContainer', request, timeoutSeconds * 1000 + 120_000));
  }

  async removeContainer(id: string): Promise<void> {
    await ignoreAbsent(this.#client.runtime('RemoveContainer', { container_id: id }));
    this.#sandboxes.delete(id);
  }

  async updateContainer(id: string, resources: LinuxResources): Promise<void> {
    await this.#client.runtime('UpdateContainerResources', { container_id: id, linux: resources });
  }

  async memoryUsage(id: string): Promise<number> {
    const { stats } = await this.#client.runtime<{ stats?: CriContainerStats | null }>(
      'ContainerStats',
      { container_id: id },
      30_000,
    );
    return stats?.memory?.usage_bytes?.value ?? stats?.memory?.working_set_bytes?.value ?? 0;
  }

  async stats(): Promise<RuntimeCounters> {
    const [containers, sandboxes] = await Promise.all([
      this.#client.runtime<{ stats: CriContainerStats[] }>('ListContainerStats', {}, 30_000),
      // Not every version knows it, and one pod that ends meanwhile fails it for all.
      this.#client
        .runtime<{ stats: CriSandboxStats[] }>('ListPodSandboxStats', {}, 30_000)
        .catch(() => ({ stats: [] })),
    ]);
    const nowMs = Date.now();
    return {
      // Of what has ended only what it has written is told.
      containers: containers.stats.filter((s) => s.cpu ?? s.memory).map((s) => containerCounters(s, nowMs)),
      sandboxes: sandboxes.stats.map((s) => sandboxCounters(s, nowMs)),
    };
  }

  async imageUsage(): Promise<{ mountpoint: string; bytes: number; inodes: number } | undefined> {
    const answer = await this.#client.image<{ image_filesystems: CriFilesystem[] }>('ImageFsInfo', {}, 30_000);
    const first = answer.image_filesystems[0];
    if (!first) return undefined;
    const { fs_id, used_bytes, inodes_used } = first;
    return { mountpoint: fs_id?.mountpoint ?? '', bytes: used_bytes?.value ?? 0, inodes: inodes_used?.value ?? 0 };
  }

  async exec(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult> {
    const request = { container_id: id, cmd: command, timeout: timeoutSeconds };
    const deadlineMs = timeoutSeconds === 0 ? 24 * 3600_000 : timeoutSeconds * 1000 + 10_000;
    const r = await this.#client.runtime<{ stdout: Uint8Array; stderr: Uint8Array; exit_code: number }>(
      'ExecSync',
      request,
      deadlineMs,
    );
    return { exitCode: r.exit_code, stdout: r.stdout, stderr: r.stderr };
  }

  async reopenLog(id: string): Promise<void> {
    await this.#client.runtime('ReopenContainerLog', { container_id: id });
  }

  async imageStatus(reference: string): Promise<Image | undefined> {
    const answer = await this.#client.image<{ image?: CriImage | null }>(
      'ImageStatus',
      { image: { image: reference } },
      30_000,
    );
    return answer.image ? imageOf(answer.image) : undefined;
  }

  async listImages(): Promise<Image[]> {
    const answer = await this.#client.image<{ images: CriImage[] }>('ListImages', {}, 30_000);
    return answer.images.map(imageOf);
  }

  async pullImage(reference: string, auth: RegistryAuth | undefined, sandbox: SandboxConfig): Promise<string> {
    const request = { image: { image: reference }, ...(auth ? { auth } : {}), sandbox_config: sandbox };
    const answer = await this.#client.image<{ image_ref: string }>('PullImage', request, 30 * 60_000);
    return answer.image_ref;
  }

  watch(listener: (hint: RuntimeHint) => void): void {
    let interrupted = false;
    const connect = (): void => {
      if (this.#closed) return;
      this.#cancel = this.#client.subscribe(
        (topic, payload) => {
          const hint = hintOf(topic, payload);
          if (hint) listener(hint);
        },
        () => {
          interrupted = true;
          if (!this.#closed) setTimeout(connect, reconnectMs).unref();
        },
      );
      // Whatever happened before the subscription took effect is found by a list.
      if (interrupted) listener({ type: 'all' });
    };
    connect();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#client.close();
  }
}
