// What the agent's core asks of a container runtime: CRI's verbs, its lists, and a stream of hints that something changed.
// Two implementations pass one contract suite: cri/ (containerd) and runtime-simulated/. An implementation keeps no policy:
// names, attempts, restarts and clean-up are decided above it.

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

/** Labels by which the kubelet (and so this agent, after its own restart) recognises what belongs to which pod. */
export const labels = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export interface Sandbox {
  id: string;
  podUid: string;
  podName: string;
  podNamespace: string;
  attempt: number;
  ready: boolean;
  createdAtMs: number;
  /** Empty for host network and until asked for with {@link Runtime.sandboxStatus}. */
  ips: string[];
}

export interface ContainerRecord {
  id: string;
  sandboxId: string;
  podUid: string;
  name: string;
  /** The restart count of this instance. */
  attempt: number;
  state: ContainerState;
  createdAtMs: number;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  /** Completed, Error, OOMKilled, StartError, … */
  reason: string;
  message: string;
  image: string;
  imageRef: string;
  user?: { uid: number; gid: number; supplementalGroups?: number[] };
  annotations: Record<string, string>;
  /** The runtime no longer has it: this is what is remembered of it. */
  lost?: true;
}

export interface NamespaceOptions {
  network: 'POD' | 'NODE';
  pid: 'POD' | 'CONTAINER' | 'NODE' | 'TARGET';
  ipc: 'POD' | 'NODE';
  /** With pid TARGET: the container whose processes it joins. It has to run, in the same sandbox. */
  target_id?: string;
}

export interface SeccompProfile {
  profile_type: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  localhost_ref: string;
}

export interface LinuxResources {
  cpu_period: number;
  cpu_quota: number;
  cpu_shares: number;
  memory_limit_in_bytes: number;
  oom_score_adj: number;
}

/** CRI PodSandboxConfig: the fields that this agent sets. */
export interface SandboxConfig {
  metadata: { name: string; uid: string; namespace: string; attempt: number };
  hostname: string;
  log_directory: string;
  dns_config: { servers: string[]; searches: string[]; options: string[] };
  port_mappings: { protocol: 'TCP' | 'UDP' | 'SCTP'; container_port: number; host_port: number; host_ip: string }[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  linux: {
    cgroup_parent: string;
    sysctls: Record<string, string>;
    security_context: {
      namespace_options: NamespaceOptions;
      privileged: boolean;
      readonly_rootfs: boolean;
      run_as_user?: { value: number };
      run_as_group?: { value: number };
      supplemental_groups: number[];
      seccomp?: SeccompProfile;
    };
  };
}

export interface Mount {
  container_path: string;
  host_path: string;
  readonly: boolean;
  propagation: 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
}

/** CRI ContainerConfig: the fields that this agent sets. */
export interface ContainerConfig {
  metadata: { name: string; attempt: number };
  image: { image: string; user_specified_image: string };
  command: string[];
  args: string[];
  working_dir: string;
  envs: { key: string; value: string }[];
  mounts: Mount[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Relative to the sandbox's log_directory. */
  log_path: string;
  stdin: boolean;
  stdin_once: boolean;
  tty: boolean;
  linux: {
    resources: LinuxResources;
    security_context: {
      capabilities: { add_capabilities: string[]; drop_capabilities: string[] };
      privileged: boolean;
      namespace_options: NamespaceOptions;
      run_as_user?: { value: number };
      run_as_group?: { value: number };
      run_as_username?: string;
      readonly_rootfs: boolean;
      supplemental_groups: number[];
      supplemental_groups_policy: 'Merge' | 'Strict';
      no_new_privs: boolean;
      masked_paths: string[];
      readonly_paths: string[];
      seccomp?: SeccompProfile;
    };
  };
}

export interface Image {
  /** Digest of its configuration: `sha256:…`. */
  id: string;
  tags: string[];
  digests: string[];
  sizeBytes: number;
  /** The user that the image runs as: a number, a name, or neither. */
  uid?: number;
  username: string;
  pinned: boolean;
}

export interface RegistryAuth {
  username: string;
  password: string;
  auth: string;
  server_address: string;
  identity_token: string;
  registry_token: string;
}

export interface ExecResult {
  exitCode: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
}

/** What the kernel has counted up to one time; what it does not tell is absent. */
export interface Counters {
  atMs: number;
  /** CPU time since the start. */
  cpuNanoseconds?: number | undefined;
  usageBytes?: number | undefined;
  /** Of it, what cannot be reclaimed at once. */
  workingSetBytes?: number | undefined;
  rssBytes?: number | undefined;
  pageFaults?: number | undefined;
  majorPageFaults?: number | undefined;
}

export interface ContainerCounters extends Counters {
  id: string;
  /** What it has written over its image. */
  writtenBytes?: number | undefined;
  writtenInodes?: number | undefined;
}

export interface InterfaceCounters {
  name: string;
  rxBytes: number;
  rxErrors: number;
  txBytes: number;
  txErrors: number;
}

/** Of a pod as a whole. */
export interface SandboxCounters extends Counters {
  id: string;
  processes?: number | undefined;
  /** The default one first. */
  interfaces: InterfaceCounters[];
}

export interface RuntimeCounters {
  containers: ContainerCounters[];
  /** Empty where the runtime does not tell. */
  sandboxes: SandboxCounters[];
}

/** `container`: look at this container again. `all`: anything may have changed (the stream was interrupted): list. */
export type RuntimeHint = { type: 'container'; id: string; event: 'exit' | 'oom' } | { type: 'all' };

/** A failed call: `code` as in gRPC (NOT_FOUND, DEADLINE_EXCEEDED, UNAVAILABLE, …). */
export class RuntimeError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

export interface Runtime {
  /** `containerd`: the scheme of container ids in statuses. */
  readonly name: string;
  version(): Promise<{ name: string; version: string }>;
  /** Both ready, or why not. */
  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }>;

  /** Everything of Kubernetes that the runtime knows of. Sandboxes without addresses. */
  list(): Promise<{ sandboxes: Sandbox[]; containers: ContainerRecord[] }>;
  sandboxStatus(id: string): Promise<Sandbox>;
  containerStatus(id: string): Promise<ContainerRecord>;

  runSandbox(config: SandboxConfig): Promise<string>;
  /** Ends all its containers and its network. Succeeds when it is absent. */
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;

  createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Stop signal, `timeoutSeconds`, SIGKILL; resolves when it has ended. Succeeds when it is absent. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** New limits for a container that runs, without a restart; what is 0 stays as it was. */
  updateContainer(id: string, resources: LinuxResources): Promise<void>;
  /** Bytes that the container uses now, caches included. */
  memoryUsage(id: string): Promise<number>;
  /** Of all that runs. */
  stats(): Promise<RuntimeCounters>;
  /** What images take of the file system that they are on. */
  imageUsage(): Promise<{ mountpoint: string; bytes: number; inodes: number } | undefined>;
  /** DEADLINE_EXCEEDED when it takes longer than `timeoutSeconds` (0: no limit). */
  exec(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult>;
  reopenLog(id: string): Promise<void>;

  /** Undefined when it is not present. */
  imageStatus(reference: string): Promise<Image | undefined>;
  listImages(): Promise<Image[]>;
  /** Returns the image's reference. */
  pullImage(reference: string, auth: RegistryAuth | undefined, sandbox: SandboxConfig): Promise<string>;

  /** Hints until `close`; may repeat itself and may hint at nothing. */
  watch(listener: (hint: RuntimeHint) => void): void;
  close(): void;
}
