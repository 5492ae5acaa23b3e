// What stays the same from one `up` to the next: DIR/cluster.json. Also the registry of clusters on this machine, one file
// per index in /var/lib/tiffin/instances, so that several state directories can be up at once: the index decides every
// address range and every name in the kernel.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CliError } from './errors.ts';
import type { StatePaths } from './paths.ts';

export interface ClusterSettings {
  /** 0 … instancesMax-1. */
  instance: number;
  port: number;
  listen: string;
  nodes: number;
  simulatedNodes: number;
}

/** Above this, 10.(244-i) and 10.(96+i) would meet. */
export const instancesMax = 64;
export const registryDir = '/var/lib/tiffin/instances';

export interface Ranges {
  podCidr: string;
  serviceCidr: string;
  /** The bridge between local nodes. */
  bridgeCidr: string;
  bridgeAddress: string;
  /** InternalIP of the k-th local node, from 1; the first is the machine itself. */
  nodeAddress(k: number): string;
  bridge: string;
  networkId(k: number): string;
  netns(node: string): string;
}

export function rangesOf(instance: number): Ranges {
  return {
    podCidr: `10.${244 - instance}.0.0/16`,
    serviceCidr: `10.${96 + instance}.0.0/16`,
    bridgeCidr: `10.89.${instance}.0/24`,
    bridgeAddress: `10.89.${instance}.1`,
    nodeAddress: (k) => `10.89.${instance}.${k}`,
    bridge: `tf${instance}lan`,
    networkId: (k) => `tf${instance}n${k}`,
    netns: (node) => `tiffin-${instance}-${node}`,
  };
}

export function readSettings(paths: StatePaths): ClusterSettings | undefined {
  if (!fs.existsSync(paths.settings)) return undefined;
  try {
    return JSON.parse(fs.readFileSync(paths.settings, 'utf8')) as ClusterSettings;
  } catch (error) {
    throw new CliError(`${paths.settings} is damaged: ${(error as Error).message}`);
  }
}

export function writeSettings(paths: StatePaths, settings: ClusterSettings): void {
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  if (fs.existsSync(paths.settings) && fs.readFileSync(paths.settings, 'utf8') === text) return;
  fs.writeFileSync(`${paths.settings}.new`, text);
  fs.renameSync(`${paths.settings}.new`, paths.settings);
}

function ownerOf(registry: string, instance: number): string | undefined {
  try {
    return fs.readFileSync(path.join(registry, String(instance)), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** True while the owner's directory still says that it has this index. */
function stillOwned(owner: string, instance: number): boolean {
  try {
    const settings = JSON.parse(fs.readFileSync(path.join(owner, 'cluster.json'), 'utf8')) as ClusterSettings;
    return settings.instance === instance;
  } catch {
    return false;
  }
}

function claim(registry: string, instance: number, dir: string): boolean {
  const owner = ownerOf(registry, instance);
  if (owner === dir) return true;
  if (owner !== undefined) {
    if (stillOwned(owner, instance)) return false;
    fs.rmSync(path.join(registry, String(instance)), { force: true });
  }
  try {
    fs.writeFileSync(path.join(registry, String(instance)), `${dir}\n`, { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** The index of this state directory: the one that it has, else the lowest that is free. */
export function claimInstance(
  dir: string,
  wanted: number | undefined,
  registry = registryDir,
  addresses: readonly string[] = hostAddresses(),
): number {
  fs.mkdirSync(registry, { recursive: true });
  if (wanted !== undefined) {
    if (claim(registry, wanted, dir)) return wanted;
    throw new CliError(
      `the address ranges of this cluster (index ${wanted}) are in use by ${ownerOf(registry, wanted)}; purge one of them`,
    );
  }
  for (let i = 0; i < instancesMax; i++) {
    const owner = ownerOf(registry, i);
    if (owner !== dir && collides(i, addresses)) continue;
    if (claim(registry, i, dir)) return i;
  }
  throw new CliError(`no free cluster index: ${instancesMax} state directories are in use (see ${registryDir})`);
}

export function releaseInstance(dir: string, instance: number, registry = registryDir): void {
  if (ownerOf(registry, instance) !== dir) return;
  fs.rmSync(path.join(registry, String(instance)), { force: true });
  for (const empty of [registry, path.dirname(registry)]) {
    try {
      fs.rmdirSync(empty);
    } catch {
      return;
    }
  }
}

/** Whether a network of this machine lies inside the ranges of an index. */
function collides(instance: number, addresses: readonly string[]): boolean {
  const prefixes = [`10.${244 - instance}.`, `10.${96 + instance}.`, `10.89.${instance}.`];
  return addresses.some((address) => prefixes.some((prefix) => address.startsWith(prefix)));
}

export function hostAddresses(): string[] {
  return Object.values(os.networkInterfaces()).flatMap((list) =>
    (list ?? []).filter((a) => a.family === 'IPv4').map((a) => a.address),
  );
}

/** Whether this process could listen there now. */
export function portFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The wanted port; or, when nobody insisted on it and it is taken, the next free one. */
export async function choosePort(port: number, addresses: readonly string[], insist: boolean): Promise<number> {
  for (let candidate = port; candidate <= 65535; candidate++) {
    const free = await Promise.all(addresses.map((address) => portFree(candidate, address)));
    if (free.every(Boolean)) return candidate;
    if (insist) throw new CliError(`port ${port} is in use by another program; choose one with --port`);
  }
  throw new CliError('no free port');
}
