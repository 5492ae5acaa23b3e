// The floor: what the same containerd needs to bring one container up when nothing but CRI is called.
import fs from 'node:fs';
import path from 'node:path';
import type { AgentConfig } from '../../node-agent/config.ts';
import { ContainerdRuntime } from '../../node-agent/cri/containerd.ts';
import type { ContainerConfig, SandboxConfig } from '../../node-agent/runtime.ts';
import { type Cluster, command } from './pods.ts';
import type { Figure } from './stats.ts';

function socketOf(stateDir: string): string {
  const nodes = path.join(stateDir, 'nodes');
  const first = fs.readdirSync(nodes).sort()[0] as string;
  const config = JSON.parse(fs.readFileSync(path.join(nodes, first, 'agent.json'), 'utf8')) as AgentConfig;
  return config.containerd?.socket ?? '';
}

function sandbox(index: number, logs: string): SandboxConfig {
  return {
    metadata: { name: `bare-${index}`, uid: `bare-${index}`, namespace: 'bench', attempt: 0 },
    hostname: 'bare',
    log_directory: logs,
    dns_config: { servers: [], searches: [], options: [] },
    port_mappings: [],
    labels: {},
    annotations: {},
    linux: {
      cgroup_parent: '/bench',
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

function container(): ContainerConfig {
  return {
    metadata: { name: 'c', attempt: 0 },
    image: { image: 'tiffin.dev/busybox:1', user_specified_image: '' },
    command,
    args: [],
    working_dir: '',
    envs: [],
    mounts: [],
    labels: {},
    annotations: {},
    log_path: 'c.log',
    stdin: false,
    stdin_once: false,
    tty: false,
    linux: {
      resources: { cpu_period: 0, cpu_quota: 0, cpu_shares: 2, memory_limit_in_bytes: 0, oom_score_adj: 0 },
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

/**
 * Pods of no cluster, one at a time. The agent, which would end what it does not know, is stopped for the length of each; that
 * is far below the time after which its node would be missed.
 */
export async function barePods({ stateDir }: Cluster, rounds: number): Promise<Figure> {
  const runtime = new ContainerdRuntime(socketOf(stateDir));
  const pids = path.join(stateDir, 'pids');
  const file = fs.readdirSync(pids).find((name) => name.startsWith('agent-')) as string;
  const agent = Number(fs.readFileSync(path.join(pids, file), 'utf8').trim().split(/\s/)[0]);
  const samplesMs: number[] = [];
  for (let i = -1; i < rounds; i++) {
    const config = sandbox(i + 1, path.join(stateDir, 'bench-logs'));
    process.kill(agent, 'SIGSTOP');
    try {
      const started = performance.now();
      const id = await runtime.runSandbox(config);
      const created = await runtime.createContainer(id, container(), config);
      await runtime.startContainer(created);
      // The first one warms up.
      if (i >= 0) samplesMs.push(performance.now() - started);
      await runtime.stopSandbox(id);
      await runtime.removeSandbox(id);
    } finally {
      process.kill(agent, 'SIGCONT');
    }
  }
  runtime.close();
  return { name: 'bare CRI: sandbox to running', samplesMs };
}
