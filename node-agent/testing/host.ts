// A containerd of its own for tests on real containers: root, state, socket, CNI and images under a temporary directory, all of
// it removed at the end. Undefined, with the reason, where this machine cannot run one.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pack } from 'tar-stream';
import { CriClient } from '../cri/client.ts';

const run = promisify(execFile);
const overlayMagic = 0x794c7630;

export function missing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  for (const file of ['/usr/bin/containerd', '/usr/sbin/runc', '/usr/lib/cni/bridge', '/bin/busybox']) {
    if (!existsSync(file)) return `${file} is missing`;
  }
  return undefined;
}

interface Entry {
  name: string;
  type: 'file' | 'directory' | 'symlink';
  mode?: number;
  body?: Buffer;
  target?: string;
}

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const p = pack();
  for (const e of entries) {
    p.entry(
      {
        name: e.name,
        type: e.type,
        mode: e.mode ?? 0o755,
        mtime: new Date(0),
        ...(e.target ? { linkname: e.target } : {}),
      },
      e.body ?? Buffer.alloc(0),
    );
  }
  p.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of p) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const sha256 = (b: Buffer): string => createHash('sha256').update(b).digest('hex');

/** An OCI archive of busybox under each of these names; pause is busybox that sleeps. */
async function archive(names: readonly string[]): Promise<Buffer> {
  const busybox = readFileSync('/bin/busybox');
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter((a) => a !== 'busybox');
  const layer = await tar([
    ...['bin/', 'etc/', 'tmp/', 'dev/', 'proc/', 'sys/', 'root/'].map((name): Entry => ({ name, type: 'directory' })),
    { name: 'bin/busybox', type: 'file', body: busybox },
    ...applets.map((a): Entry => ({ name: `bin/${a}`, type: 'symlink', target: '/bin/busybox' })),
    { name: 'etc/passwd', type: 'file', mode: 0o644, body: Buffer.from('root:x:0:0:root:/root:/bin/sh\n') },
    { name: 'etc/group', type: 'file', mode: 0o644, body: Buffer.from('root:x:0:\n') },
  ]);
  const blobs = new Map<string, Buffer>([[sha256(layer), layer]]);
  const blob = (b: Buffer, mediaType: string): { mediaType: string; digest: string; size: number } => {
    blobs.set(sha256(b), b);
    return { mediaType, digest: `sha256:${sha256(b)}`, size: b.length };
  };
  const manifests = names.map((name) => {
    const pause = name.includes('pause');
    const cmd = pause ? ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'] : ['/bin/sh'];
    const config = blob(
      Buffer.from(
        JSON.stringify({
          architecture: process.arch === 'x64' ? 'amd64' : process.arch,
          os: 'linux',
          config: { Cmd: cmd, Env: ['PATH=/bin'] },
          rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
        }),
      ),
      'application/vnd.oci.image.config.v1+json',
    );
    const layers = [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${sha256(layer)}`, size: layer.length },
    ];
    const manifest = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers }),
    );
    return {
      ...blob(manifest, 'application/vnd.oci.image.manifest.v1+json'),
      annotations: { 'io.containerd.image.name': name },
    };
  });
  return tar([
    { name: 'oci-layout', type: 'file', mode: 0o644, body: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    {
      name: 'index.json',
      type: 'file',
      mode: 0o644,
      body: Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })),
    },
    ...[...blobs].map(([digest, body]): Entry => ({ name: `blobs/sha256/${digest}`, type: 'file', mode: 0o644, body })),
  ]);
}

export interface Host {
  directory: string;
  socket: string;
  /** Kills containerd and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const testImage = 'tiffin.dev/test:1';

export async function startHost(): Promise<Host> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'agent-host-'));
  const id = path.basename(directory).slice(-6).toLowerCase();
  const state = path.join('/run', `agent-${id}`);
  const socket = path.join(state, 'containerd.sock');
  for (const d of ['cni', 'root', 'opt', 'certs.d', 'ipam']) mkdirSync(path.join(directory, d), { recursive: true });
  mkdirSync(state, { recursive: true });
  const bridge = `ag${id}`;
  // Several at once on one machine must not answer for each other.
  const subnet = `10.244.${randomInt(256)}.0/24`;
  const text = JSON.stringify;
  writeFileSync(
    path.join(directory, 'cni', '10-test.conflist'),
    text({
      cniVersion: '1.0.0',
      name: 'test',
      plugins: [
        {
          type: 'bridge',
          bridge,
          isGateway: true,
          hairpinMode: true,
          ipam: {
            type: 'host-local',
            dataDir: path.join(directory, 'ipam'),
            ranges: [[{ subnet }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
      ],
    }),
  );
  const snapshotter = statfsSync(directory).type === overlayMagic ? 'native' : 'overlayfs';
  writeFileSync(
    path.join(directory, 'config.toml'),
    `version = 2
root = ${text(path.join(directory, 'root'))}
state = ${text(path.join(state, 'containerd'))}
disabled_plugins = ["io.containerd.snapshotter.v1.aufs","io.containerd.snapshotter.v1.btrfs","io.containerd.snapshotter.v1.devmapper","io.containerd.snapshotter.v1.zfs","io.containerd.internal.v1.restart"]
[grpc]
  address = ${text(socket)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${text(path.join(directory, 'opt'))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "tiffin.dev/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = ${text(path.join(directory, 'cni'))}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = ${text(snapshotter)}
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        SystemdCgroup = false
        Root = ${text(path.join(state, 'runc'))}
`,
  );
  let child: ChildProcess | undefined;
  const ctr = (...args: string[]): Promise<unknown> => run('ctr', ['-a', socket, '-n', 'k8s.io', ...args]);
  const start = async (): Promise<void> => {
    child = spawn('containerd', ['-c', path.join(directory, 'config.toml'), '-l', 'warn'], {
      stdio: 'ignore',
      detached: true,
    });
    // containerd answers before its CRI does.
    const cri = new CriClient(socket);
    try {
      for (const deadline = Date.now() + 50_000; ; ) {
        try {
          await ctr('version');
          await cri.runtime('ListPodSandbox', {}, 5000);
          return;
        } catch (error) {
          if (Date.now() > deadline) throw error;
          await new Promise((r) => setTimeout(r, 50));
        }
      }
    } finally {
      cri.close();
    }
  };
  const kill = async (): Promise<void> => {
    const old = child;
    child = undefined;
    if (!old || old.exitCode !== null) return;
    const ended = new Promise((r) => old.once('exit', r));
    old.kill('SIGKILL');
    await ended;
  };
  await start();
  const images = path.join(directory, 'images.tar');
  writeFileSync(images, await archive(['tiffin.dev/pause:1', testImage]));
  await ctr('images', 'import', images);
  return {
    directory,
    socket,
    restart: async () => {
      await kill();
      await start();
    },
    stop: async () => {
      // Whatever a failed test left.
      const crictl = await ctr('tasks', 'list', '-q').catch(() => undefined);
      const ids = String((crictl as { stdout?: string } | undefined)?.stdout ?? '')
        .split('\n')
        .filter(Boolean);
      for (const task of ids) await ctr('tasks', 'kill', '-s', 'SIGKILL', task).catch(() => {});
      await new Promise((r) => setTimeout(r, 300));
      for (const task of ids) await ctr('tasks', 'delete', '-f', task).catch(() => {});
      await kill();
      await run('ip', ['link', 'del', bridge]).catch(() => {});
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((l) => l.split(' ')[4] ?? '');
      for (const m of mounts.filter((x) => x.startsWith(directory) || x.startsWith(state)).toReversed())
        await run('umount', ['-l', m]).catch(() => {});
      for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
        const group = path.join('/sys/fs/cgroup', hierarchy, `${path.basename(directory)}-kubepods`);
        if (existsSync(group)) await run('find', [group, '-depth', '-type', 'd', '-delete']).catch(() => {});
      }
      rmSync(directory, { recursive: true, force: true });
      rmSync(state, { recursive: true, force: true });
    },
  };
}
