// A container in a sandbox of its own, for tests that are about what runs in it.
import { type ContainerConfig, labels, type Runtime, type SandboxConfig } from '../runtime.ts';

let serial = 0;

export async function startContainer(
  runtime: Runtime,
  image: string,
  change: (container: ContainerConfig, sandbox: SandboxConfig) => void = () => {},
): Promise<{ id: string; sandboxId: string }> {
  const uid = `test-${process.pid}-${++serial}`;
  const own = { [labels.podUid]: uid, [labels.podName]: `p-${uid}`, [labels.podNamespace]: 'd' };
  const namespace_options = { network: 'POD', pid: 'CONTAINER', ipc: 'POD' } as const;
  const sandbox: SandboxConfig = {
    metadata: { name: `p-${uid}`, uid, namespace: 'd', attempt: 0 },
    hostname: 'p',
    log_directory: '',
    dns_config: { servers: [], searches: [], options: [] },
    port_mappings: [],
    labels: own,
    annotations: {},
    linux: {
      cgroup_parent: '',
      sysctls: {},
      security_context: { namespace_options, privileged: false, readonly_rootfs: false, supplemental_groups: [] },
    },
  };
  const container: ContainerConfig = {
    metadata: { name: 'c', attempt: 0 },
    image: { image: '', user_specified_image: image },
    command: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'],
    args: [],
    working_dir: '',
    envs: [],
    mounts: [],
    labels: { ...own, [labels.containerName]: 'c' },
    annotations: {},
    log_path: '',
    stdin: false,
    stdin_once: false,
    tty: false,
    linux: {
      resources: { cpu_period: 100_000, cpu_quota: 0, cpu_shares: 2, memory_limit_in_bytes: 0, oom_score_adj: 1000 },
      security_context: {
        capabilities: { add_capabilities: [], drop_capabilities: [] },
        privileged: false,
        namespace_options,
        readonly_rootfs: false,
        supplemental_groups: [],
        supplemental_groups_policy: 'Merge',
        no_new_privs: false,
        masked_paths: [],
        readonly_paths: [],
      },
    },
  };
  change(container, sandbox);
  const sandboxId = await runtime.runSandbox(sandbox);
  container.image.image = (await runtime.imageStatus(image))!.id;
  const id = await runtime.createContainer(sandboxId, container, sandbox);
  await runtime.startContainer(id);
  return { id, sandboxId };
}
