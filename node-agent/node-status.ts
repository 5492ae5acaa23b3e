// What a node says of itself: capacity, allocatable, versions, addresses, images, conditions. Facts of the machine come in;
// the Node object goes out. Heartbeat times are left to the control plane, so that nothing changes while nothing happens.
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Node, NodeCondition, NodeStatus } from '../src/generated/schemas/core-v1.ts';
import { asBytes } from '../src/machinery/quantity.ts';
import { formatTime } from '../src/machinery/time.ts';
import type { AgentConfig } from './config.ts';
import type { Image } from './runtime.ts';

/** The scheme of /version's gitVersion. */
export const kubeletVersion = 'v1.36.0+tiffin';
const maxPods = '110';
const imagesMax = 50;

export interface Machine {
  cpus: number;
  memoryBytes: number;
  /** The file system of the state directory. */
  diskBytes: number;
  diskFreeBytes: number;
  memoryAvailableBytes: number;
  pidsFree: number;
  kernel: string;
  osImage: string;
  architecture: string;
  machineId: string;
  systemUuid: string;
  bootId: string;
}

export interface Health {
  runtimeReady: boolean;
  networkReady: boolean;
  message: string;
}

const memoryEvictionBytes = 100 * 1024 * 1024;
const diskEvictionShare = 0.1;

export function nodeObject(config: AgentConfig, nodeName: string, status: NodeStatus): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      labels: {
        'beta.kubernetes.io/arch': status.nodeInfo?.architecture ?? '',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': status.nodeInfo?.architecture ?? '',
        'kubernetes.io/hostname': nodeName,
        'kubernetes.io/os': 'linux',
        ...config.labels,
      },
    },
    spec: {},
    status,
  };
}

export function nodeStatus(
  config: AgentConfig,
  nodeName: string,
  machine: Machine,
  runtimeVersion: string,
  images: readonly Image[],
  health: Health,
  old: Node | undefined,
  nowMs: number,
): NodeStatus {
  const memory = config.capacity?.memory ? asBytes(config.capacity.memory) : machine.memoryBytes;
  const capacity: Record<string, string> = {
    cpu: config.capacity?.cpu ?? String(machine.cpus),
    'ephemeral-storage': `${Math.floor(machine.diskBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: config.capacity?.memory ?? `${Math.floor(memory / 1024)}Ki`,
    pods: config.capacity?.pods ?? maxPods,
  };
  // What the kubelet's default hard eviction thresholds set aside.
  const allocatable = {
    ...capacity,
    'ephemeral-storage': String(Math.floor(machine.diskBytes * (1 - diskEvictionShare))),
    memory: `${Math.max(0, Math.floor((memory - memoryEvictionBytes) / 1024))}Ki`,
  };
  return {
    capacity,
    allocatable,
    addresses: [
      { type: 'InternalIP', address: config.address },
      { type: 'Hostname', address: nodeName },
    ],
    conditions: conditions(machine, health, old?.status?.conditions ?? [], nowMs),
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    images: images
      .filter((i) => i.tags.length + i.digests.length > 0)
      .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
      .slice(0, imagesMax)
      .map((i) => ({ names: [...i.digests, ...i.tags], sizeBytes: i.sizeBytes })),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: runtimeVersion,
      kernelVersion: machine.kernel,
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: machine.machineId,
      operatingSystem: 'linux',
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
  };
}

function conditions(machine: Machine, health: Health, old: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const ready = health.runtimeReady && health.networkReady;
  const low = machine.memoryAvailableBytes < memoryEvictionBytes;
  const full = machine.diskFreeBytes < machine.diskBytes * 0.05;
  const crowded = machine.pidsFree < 100;
  const make = (type: string, bad: boolean, yes: [string, string], no: [string, string]): NodeCondition => {
    const status = bad ? 'True' : 'False';
    const before = old.find((c) => c.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    const [reason, message] = bad ? yes : no;
    return { type, status, reason, message, lastTransitionTime: since ?? formatTime(nowMs) };
  };
  const prefix = health.runtimeReady ? 'container runtime network not ready: ' : 'container runtime not ready: ';
  return [
    make(
      'MemoryPressure',
      low,
      ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
      ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ),
    make(
      'DiskPressure',
      full,
      ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
      ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ),
    make(
      'PIDPressure',
      crowded,
      ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
      ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ),
    make(
      'Ready',
      ready,
      ['KubeletReady', 'kubelet is posting ready status'],
      ['KubeletNotReady', prefix + health.message],
    ),
  ];
}

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
};

/** The machine that this process runs on; disk figures come from `statfs` of the state directory. */
export function thisMachine(disk: { bytes: number; freeBytes: number }): Machine {
  const info = read('/proc/meminfo');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const release = read('/etc/os-release');
  const pidMax = Number(read('/proc/sys/kernel/pid_max')) || 32_768;
  const used = Number(/\/(\d+)/.exec(read('/proc/loadavg'))?.[1] ?? 0);
  return {
    cpus: os.availableParallelism(),
    memoryBytes: kib('MemTotal') * 1024,
    memoryAvailableBytes: kib('MemAvailable') * 1024,
    diskBytes: disk.bytes,
    diskFreeBytes: disk.freeBytes,
    pidsFree: pidMax - used,
    kernel: os.release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? 'Linux',
    architecture: os.arch() === 'x64' ? 'amd64' : os.arch(),
    machineId: read('/etc/machine-id'),
    systemUuid: read('/sys/class/dmi/id/product_uuid') || read('/etc/machine-id'),
    bootId: read('/proc/sys/kernel/random/boot_id'),
  };
}
