// A containerd per node, never the system's: its configuration for 1.6, 1.7 (version 2) and 2.x (version 3), and its start.
// Root under DIR, state and sockets under /run. The agent writes the CNI configuration; image registries come from certs.d.
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.ts';
import type { NodePaths } from './paths.ts';
import { tryRun } from './run.ts';

export const pauseImage = 'tiffin.dev/pause:1';

export interface ContainerdPlace {
  major: number;
  runc: string;
  cniBinDir: string;
  /** `native` where DIR itself lies on an overlay, which cannot carry another. */
  snapshotter: 'overlayfs' | 'native';
}

/** The major version of `containerd --version`: 1 or 2. */
export async function containerdMajor(program: string): Promise<number> {
  const { stdout, stderr } = await tryRun(program, ['--version']);
  const version = /\bv?(\d+)\.\d+\.\d+/.exec(stdout);
  if (!version) throw new CliError(`cannot tell the version of ${program}: ${(stdout + stderr).trim()}`);
  return Number(version[1]);
}

const overlayMagic = 0x794c7630;
export function snapshotterFor(dir: string): ContainerdPlace['snapshotter'] {
  return fs.statfsSync(dir).type === overlayMagic ? 'native' : 'overlayfs';
}

export function containerdToml(node: NodePaths, place: ContainerdPlace): string {
  const text = (value: string) => JSON.stringify(value);
  const runcOptions = (table: string) => `
  [plugins.${text(table)}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.${text(table)}.containerd.runtimes.runc.options]
      BinaryName = ${text(place.runc)}
      SystemdCgroup = false
      Root = ${text(path.join(node.run, 'runc'))}`;
  const disabled = [
    'io.containerd.snapshotter.v1.aufs',
    'io.containerd.snapshotter.v1.btrfs',
    'io.containerd.snapshotter.v1.devmapper',
    'io.containerd.snapshotter.v1.zfs',
    'io.containerd.internal.v1.restart',
    ...(place.major >= 2 ? ['io.containerd.snapshotter.v1.erofs', 'io.containerd.nri.v1.nri'] : []),
  ];
  const common = `# Written by tiffin up.
version = ${place.major >= 2 ? 3 : 2}
root = ${text(node.containerdRoot)}
state = ${text(path.join(node.run, 'containerd'))}
disabled_plugins = [${disabled.map(text).join(', ')}]

[grpc]
  address = ${text(node.socket)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${text(path.join(node.containerdRoot, 'opt'))}
`;
  // restrict_oom_score_adj: without CAP_SYS_RESOURCE a pod's score cannot be lowered, and the pod would not start at all.
  if (place.major < 2) {
    const cri = 'io.containerd.grpc.v1.cri';
    return `${common}
[plugins.${text(cri)}]
  sandbox_image = ${text(pauseImage)}
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins.${text(cri)}.cni]
    bin_dir = ${text(place.cniBinDir)}
    conf_dir = ${text(node.cniConf)}
  [plugins.${text(cri)}.containerd]
    snapshotter = ${text(place.snapshotter)}
    default_runtime_name = "runc"${runcOptions(cri)}
  [plugins.${text(cri)}.registry]
    config_path = ${text(node.certs)}
`;
  }
  const runtime = 'io.containerd.cri.v1.runtime';
  const images = 'io.containerd.cri.v1.images';
  return `${common}
[plugins.${text(images)}]
  snapshotter = ${text(place.snapshotter)}
  [plugins.${text(images)}.pinned_images]
    sandbox = ${text(pauseImage)}
  [plugins.${text(images)}.registry]
    config_path = ${text(node.certs)}

[plugins.${text(runtime)}]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.${text(runtime)}.cni]
    bin_dirs = [${text(place.cniBinDir)}]
    conf_dir = ${text(node.cniConf)}
  [plugins.${text(runtime)}.containerd]
    default_runtime_name = "runc"${runcOptions(runtime)}

[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
`;
}

/** Makes the folders of a node and writes its configuration. */
export function prepareContainerd(node: NodePaths, place: ContainerdPlace): string {
  for (const dir of [node.dir, node.containerdRoot, node.cniConf, node.certs, node.agent])
    fs.mkdirSync(dir, { recursive: true });
  fs.mkdirSync(node.run, { recursive: true, mode: 0o711 });
  if (fs.lstatSync(node.runLink, { throwIfNoEntry: false }) === undefined) fs.symlinkSync(node.run, node.runLink);
  const toml = containerdToml(node, place);
  fs.writeFileSync(node.containerdConfig, toml);
  return toml;
}
