// What an agent gives to what a kubelet serves of it.
import type { NodeStatus } from '../../src/generated/schemas/core-v1.ts';
import type { ClusterInfo } from '../../src/protocol/node.ts';
import type { AgentConfig } from '../config.ts';
import type { KubeletParts } from './server.ts';

type Given = Pick<KubeletParts, 'nodeName' | 'runtime' | 'cgroups' | 'volumes' | 'stateDir'> & {
  config: AgentConfig;
  runtime: { name: string };
};

export interface Known {
  machine: ReturnType<KubeletParts['machine']>;
  cluster: ClusterInfo | undefined;
  status: NodeStatus | undefined;
  dnsAddress: string;
  logsDirectory: string;
}

export function kubeletParts(
  { config, nodeName, runtime, cgroups, volumes, stateDir }: Given,
  known: () => Known,
): Omit<KubeletParts, 'pods' | 'logs' | 'logsDirectory' | 'clock'> {
  // A simulated node shares a machine of which nothing is its own.
  const real = runtime.name !== 'simulated';
  return {
    nodeName,
    runtime,
    cgroups,
    volumes,
    stateDir: real ? stateDir : '',
    systemLogsDirectory: real ? '/var/log' : '',
    machine: () => known().machine,
    configuration: () => {
      const { cluster, status, dnsAddress, logsDirectory } = known();
      return {
        clusterDomain: cluster?.clusterDomain ?? '',
        dnsAddress,
        maxPods: Number(status?.capacity?.pods ?? 110),
        podLogsDirectory: logsDirectory,
        containerRuntimeSocket: config.containerd?.socket,
        heartbeatSeconds: Math.ceil((cluster?.heartbeatMs ?? 10_000) / 1000),
      };
    },
  };
}
