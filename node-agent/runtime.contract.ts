// What every runtime has to do, as one suite: it runs on containerd and on the simulated one.
import { expect, test } from 'vitest';
import { type ContainerConfig, labels, type Runtime, type RuntimeHint, type SandboxConfig } from './runtime.ts';

export interface ContractSubject {
  runtime: Runtime;
  image: string;
  logsDirectory: string;
  /** Ends a container from outside, as SIGKILL does. */
  kill(id: string): void;
  /** What limits it at this moment, as the one who enforces it says. */
  limitsOf(id: string): { shares: number; quotaUs: number; memoryBytes: number };
}

let serial = 0;

function sandboxOf(uid: string, attempt: number, logs: string): SandboxConfig {
  return {
    metadata: { name: `p-${uid}`, uid, namespace: 'd', attempt },
    hostname: 'p',
    log_directory: logs,
    dns_config: { servers: [], searches: [], options: [] },
    port_mappings: [],
    labels: { [labels.podUid]: uid, [labels.podName]: `p-${uid}`, [labels.podNamespace]: 'd' },
    annotations: {},
    linux: {
      cgroup_parent: '',
      sysctls: {},
      security_context: {
        namespace_options: { network: 'POD', pid: 'CONTAINER', ipc: 'POD' },
        privileged: false,
        readonly_rootfs: false,
        supplemental_groups: [],
      },
    },
  };
}

function containerOf(uid: string, name: string, attempt: number, image: string): ContainerConfig {
  return {
    metadata: { name, attempt },
    image: { image, user_specified_image: image },
    command: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'],
    args: [],
    working_dir: '',
    envs: [],
    mounts: [],
    labels: { [labels.podUid]: uid, [labels.containerName]: name, [labels.podName]: 'p', [labels.podNamespace]: 'd' },
    annotations: { k: 'v' },
    log_path: `${name}-${attempt}.log`,
    stdin: false,
    stdin_once: false,
    tty: false,
    linux: {
      resources: { cpu_period: 100_000, cpu_quota: 0, cpu_shares: 2, memory_limit_in_bytes: 0, oom_score_adj: 1000 },
      security_context: {
        capabilities: { add_capabilities: [], drop_capabilities: [] },
        privileged: false,
        namespace_options: { network: 'POD', pid: 'CONTAINER', ipc: 'POD' },
        readonly_rootfs: false,
        supplemental_groups: [],
        supplemental_groups_policy: 'Merge',
        no_new_privs: false,
        masked_paths: [],
        readonly_paths: [],
      },
    },
  };
}

async function eventually(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await probe()) return;
    await new Promise((r) => setTimeout(r, 10));
  }
  throw new Error(`never: ${what}`);
}

export function runtimeContract(subject: () => ContractSubject): void {
  const start = async (uid: string) => {
    const { runtime, image, logsDirectory } = subject();
    const config = sandboxOf(uid, 0, logsDirectory);
    const sandbox = await runtime.runSandbox(config);
    const found = await runtime.imageStatus(image);
    const id = await runtime.createContainer(sandbox, containerOf(uid, 'c', 0, found!.id), config);
    return { sandbox, id, config, image: found!.id };
  };
  const uidOf = (): string => `contract-${process.pid}-${++serial}`;

  test('a container is created, runs, stops with 0 on its signal, and goes', async () => {
    const { runtime } = subject();
    const uid = uidOf();
    const { sandbox, id } = await start(uid);
    expect(await runtime.sandboxStatus(sandbox)).toMatchObject({
      id: sandbox,
      podUid: uid,
      ready: true,
      attempt: 0,
      ips: [expect.any(String)],
    });
    expect((await runtime.containerStatus(id)).state).toBe('created');
    await runtime.startContainer(id);
    const running = await runtime.containerStatus(id);
    expect(running).toMatchObject({
      id,
      sandboxId: sandbox,
      podUid: uid,
      name: 'c',
      attempt: 0,
      state: 'running',
      annotations: { k: 'v' },
    });
    expect(running.startedAtMs).toBeGreaterThan(0);
    expect((await runtime.exec(id, ['true'], 5)).exitCode).toBe(0);
    // A shell needs a moment to set its trap.
    await new Promise((r) => setTimeout(r, 100));
    await runtime.stopContainer(id, 5);
    expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 0, reason: 'Completed' });
    const listed = (await runtime.list()).containers.filter((c) => c.podUid === uid);
    expect(listed).toMatchObject([{ id, sandboxId: sandbox, state: 'exited' }]);
    await runtime.stopSandbox(sandbox);
    expect((await runtime.sandboxStatus(sandbox)).ready).toBe(false);
    await runtime.removeContainer(id);
    await runtime.removeSandbox(sandbox);
    const all = await runtime.list();
    expect([...all.sandboxes, ...all.containers].filter((x) => x.podUid === uid)).toEqual([]);
  });

  test('an end from outside is hinted at; that of a command in it is not', async () => {
    const { runtime, kill } = subject();
    const hints: RuntimeHint[] = [];
    runtime.watch((h) => hints.push(h));
    const { sandbox, id } = await start(uidOf());
    await runtime.startContainer(id);
    const ends = () => hints.filter((h) => h.type === 'container' && h.id === id && h.event === 'exit');
    expect((await runtime.exec(id, ['true'], 5)).exitCode).toBe(0);
    await new Promise((r) => setTimeout(r, 100));
    expect(ends()).toEqual([]);
    kill(id);
    await eventually('hint', () => ends().length > 0);
    await eventually('exited', async () => (await runtime.containerStatus(id)).state === 'exited');
    expect(await runtime.containerStatus(id)).toMatchObject({ exitCode: 137, reason: 'Error' });
    await runtime.removeSandbox(sandbox);
  });

  test('limits of a running container are changed up and down, without an end of it', async () => {
    const { runtime, limitsOf } = subject();
    const { sandbox, id } = await start(uidOf());
    await runtime.startContainer(id);
    const before = await runtime.containerStatus(id);
    const sizes = [
      { shares: 512, quotaUs: 50_000, memoryBytes: 128 << 20 },
      { shares: 102, quotaUs: 10_000, memoryBytes: 64 << 20 },
    ];
    for (const { shares, quotaUs, memoryBytes } of sizes) {
      await runtime.updateContainer(id, {
        cpu_period: 100_000,
        cpu_quota: quotaUs,
        cpu_shares: shares,
        memory_limit_in_bytes: memoryBytes,
        oom_score_adj: 1000,
      });
      expect(limitsOf(id)).toEqual({ shares, quotaUs, memoryBytes });
    }
    expect(await runtime.memoryUsage(id)).toBeLessThan(64 << 20);
    expect(await runtime.containerStatus(id)).toEqual(before);
    await runtime.removeSandbox(sandbox);
    const { resources } = containerOf('', '', 0, '').linux;
    await expect(runtime.updateContainer(id, resources)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(runtime.memoryUsage(id)).rejects.toThrow();
  });

  test('what runs is counted, what does not is not', async () => {
    const { runtime } = subject();
    const { sandbox, id } = await start(uidOf());
    const counted = async () => (await runtime.stats()).containers.find((c) => c.id === id);
    await runtime.startContainer(id);
    await eventually('it is counted', async () => ((await counted())?.atMs ?? 0) > 0);
    const { cpuNanoseconds, usageBytes = 0, workingSetBytes = -1 } = (await counted())!;
    expect(cpuNanoseconds).toBeGreaterThanOrEqual(0);
    expect(workingSetBytes).toBeGreaterThanOrEqual(0);
    expect(workingSetBytes).toBeLessThanOrEqual(usageBytes);
    const { sandboxes } = await runtime.stats();
    for (const s of sandboxes.filter((x) => x.id === sandbox))
      expect(s.interfaces.map((i) => i.name)).toEqual([...new Set(s.interfaces.map((i) => i.name))]);
    await runtime.stopContainer(id, 1);
    expect(await counted()).toBeUndefined();
    await runtime.removeSandbox(sandbox);
  });

  test('a container can see the processes of another one that runs in its sandbox, and of no other', async () => {
    const { runtime } = subject();
    const uid = uidOf();
    const { sandbox, id, config, image } = await start(uid);
    const beside = async (name: string, target_id: string): Promise<string> => {
      const own = containerOf(uid, name, 0, image);
      own.linux.security_context.namespace_options = { network: 'POD', pid: 'TARGET', ipc: 'POD', target_id };
      return runtime.createContainer(sandbox, own, config);
    };
    const processesOf = async (container: string): Promise<string> => {
      const { stdout } = await runtime.exec(container, ['readlink', '/proc/self/ns/pid'], 5);
      return Buffer.from(stdout).toString();
    };
    await expect(beside('early', id)).rejects.toThrow('not running');
    await runtime.startContainer(id);
    const joined = await beside('joined', id);
    await runtime.startContainer(joined);
    expect(await processesOf(joined)).toBe(await processesOf(id));
    await expect(beside('absent', 'f'.repeat(64))).rejects.toThrow();
    const elsewhere = await start(uidOf());
    await runtime.startContainer(elsewhere.id);
    await expect(beside('foreign', elsewhere.id)).rejects.toThrow();
    await runtime.stopContainer(id, 1);
    await expect(beside('late', id)).rejects.toThrow('not running');
    for (const s of [sandbox, elsewhere.sandbox]) await runtime.removeSandbox(s);
  });

  test('one name and attempt cannot exist twice', async () => {
    const { runtime, image, logsDirectory } = subject();
    const uid = uidOf();
    const { sandbox, config, image: imageId } = await start(uid);
    await expect(runtime.createContainer(sandbox, containerOf(uid, 'c', 0, imageId), config)).rejects.toThrow(
      'reserve',
    );
    await expect(runtime.runSandbox(sandboxOf(uid, 0, logsDirectory))).rejects.toThrow('reserve');
    expect(image).toBeTruthy();
    await runtime.stopSandbox(sandbox);
    await runtime.removeSandbox(sandbox);
  });

  test('stopping a sandbox ends its containers; what is absent can be removed again', async () => {
    const { runtime } = subject();
    const { sandbox, id } = await start(uidOf());
    await runtime.startContainer(id);
    await runtime.stopSandbox(sandbox);
    await eventually('exited', async () => (await runtime.containerStatus(id)).state === 'exited');
    await runtime.removeSandbox(sandbox);
    await runtime.removeSandbox(sandbox);
    await runtime.stopSandbox(sandbox);
    await runtime.removeContainer(id);
    await runtime.stopContainer(id, 1);
    await expect(runtime.containerStatus(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(runtime.sandboxStatus(sandbox)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
}
