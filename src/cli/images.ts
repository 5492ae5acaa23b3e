// The three images that every cluster has, built from Debian's busybox-static as one OCI archive: the sandbox image, a shell,
// and a web server that names its pod and node. The same busybox gives the same bytes. Does not load them: see image-import.ts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import * as tar from 'tar-stream';

export const imageNames = ['tiffin.dev/pause:1', 'tiffin.dev/busybox:1', 'tiffin.dev/hello:1'] as const;

/** A file, folder (`directory`) or symbolic link (`link` is its target) of an image; `path` without a slash in front. */
export interface FileEntry {
  path: string;
  body?: string | Uint8Array;
  mode?: number;
  link?: string;
  directory?: boolean;
}

/** A sandbox's first process: waits, buries what is orphaned to it (`wait` collects any child), and ends on request. */
const pauseScript = `#!/bin/sh
trap 'kill $! 2>/dev/null; exit 0' TERM INT
while :; do
  sleep 2147483647 &
  wait $!
done
`;

// On SIGTERM the listener goes on for a moment, for connections that were on their way, then closes; answers that are being
// given are waited for: the server's children become children of this first process when the listener ends.
const helloScript = `#!/bin/sh
pod=\${POD_NAME:-$(hostname)}
node=\${NODE_NAME:-unknown}
mkdir -p /tmp/www
cat > /tmp/www/index.html <<PAGE
<!doctype html>
<title>Tiffin</title>
<h1>Hello from Tiffin</h1>
<p>pod $pod on node $node</p>
PAGE
echo ok > /tmp/www/healthz
others() {
  for each in /proc/[0-9]*; do
    case $each in /proc/1|/proc/self) ;; *)
      { read -r _ name _ < "$each/stat"; } 2>/dev/null && [ "$name" = '(httpd)' ] && return 0 ;;
    esac
  done
  return 1
}
finish() {
  trap '' TERM INT
  sleep 0.3
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  tries=0
  while others && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  exit 0
}
trap finish TERM INT
httpd -f -p "\${PORT:-8080}" -h /tmp/www &
server=$!
wait "$server"
exit $?
`;

const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n';
const group = 'root:x:0:\nnogroup:x:65534:\n';

function directories(...names: string[]): FileEntry[] {
  return names.map((name) => ({
    path: name,
    directory: true,
    mode: name === 'tmp' || name === 'var/tmp' ? 0o1777 : 0o755,
  }));
}

function baseEntries(busybox: Uint8Array, applets: readonly string[]): FileEntry[] {
  return [
    ...directories(
      'bin',
      'dev',
      'etc',
      'home',
      'proc',
      'root',
      'run',
      'sbin',
      'sys',
      'tmp',
      'usr',
      'usr/bin',
      'usr/sbin',
      'var',
      'var/tmp',
    ),
    { path: 'bin/busybox', body: busybox, mode: 0o755 },
    ...applets.filter((a) => a !== 'busybox').map((applet) => ({ path: `bin/${applet}`, link: 'busybox' })),
    { path: 'usr/bin/env', link: '../../bin/busybox' },
    { path: 'etc/passwd', body: passwd },
    { path: 'etc/group', body: group },
    { path: 'etc/nsswitch.conf', body: 'hosts: files dns\n' },
  ];
}

async function tarOf(entries: readonly FileEntry[]): Promise<Buffer> {
  const pack = tar.pack();
  const chunks: Buffer[] = [];
  const read = (async () => {
    for await (const chunk of pack) chunks.push(chunk as Buffer);
  })();
  for (const entry of entries) {
    const header = { name: entry.path, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
    if (entry.link !== undefined) pack.entry({ ...header, type: 'symlink', linkname: entry.link, mode: 0o777 });
    else if (entry.directory) pack.entry({ ...header, type: 'directory', mode: entry.mode ?? 0o755 });
    else pack.entry({ ...header, type: 'file', mode: entry.mode ?? 0o644 }, Buffer.from(entry.body ?? ''));
  }
  pack.finalize();
  await read;
  return Buffer.concat(chunks);
}

interface Blob {
  mediaType: string;
  digest: string;
  size: number;
  bytes: Buffer;
}

function blob(mediaType: string, bytes: Buffer): Blob {
  return { mediaType, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length, bytes };
}

const descriptor = ({ mediaType, digest, size }: Blob) => ({ mediaType, digest, size });
const json = (mediaType: string, value: unknown) => blob(mediaType, Buffer.from(JSON.stringify(value)));

interface Layer {
  blob: Blob;
  diffId: string;
}

async function layer(entries: readonly FileEntry[]): Promise<Layer> {
  // Not compressed: nothing here travels over a network, and unpacking is part of the first start.
  const plain = blob('application/vnd.oci.image.layer.v1.tar', await tarOf(entries));
  return { blob: plain, diffId: plain.digest };
}

interface Image {
  name: string;
  layers: Layer[];
  config: Record<string, unknown>;
}

async function archive(images: readonly Image[], architecture: string): Promise<Buffer> {
  const blobs = new Map<string, Blob>();
  const keep = (b: Blob) => {
    blobs.set(b.digest, b);
    return descriptor(b);
  };
  const manifests = images.map(({ name, layers, config }) => {
    const configBlob = json('application/vnd.oci.image.config.v1+json', {
      created: '1970-01-01T00:00:00Z',
      architecture,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((l) => l.diffId) },
      history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'tiffin' })),
    });
    const manifest = json('application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: keep(configBlob),
      layers: layers.map((l) => keep(l.blob)),
    });
    return {
      ...keep(manifest),
      platform: { architecture, os: 'linux' },
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
    };
  });
  return tarOf([
    { path: 'oci-layout', body: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    {
      path: 'index.json',
      body: JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
    },
    ...directories('blobs', 'blobs/sha256'),
    ...[...blobs.values()].map((b) => ({ path: `blobs/sha256/${b.digest.slice(7)}`, body: b.bytes })),
  ]);
}

export interface ImageInput {
  /** With a tag: example.com/name:1 */
  name: string;
  entries: readonly FileEntry[];
  /** The image configuration's `config`: Env, Entrypoint, Cmd, WorkingDir, … */
  config: Record<string, unknown>;
}

/** Writes an OCI archive of images with one layer each, for `tiffin image import`. */
export async function writeImageArchive(file: string, images: readonly ImageInput[]): Promise<void> {
  const layered = images.map(async ({ name, entries, config }) => ({ name, layers: [await layer(entries)], config }));
  fs.writeFileSync(file, await archive(await Promise.all(layered), architecture()));
}

/** As Go names it. */
const architecture = () => ({ x64: 'amd64', arm64: 'arm64' })[process.arch as string] ?? process.arch;

/** `busybox`: a static executable of this machine's architecture; `applets`: its `--list`. */
export async function buildImages(busybox: Uint8Array, applets: readonly string[]): Promise<Buffer> {
  const base = await layer(baseEntries(busybox, applets));
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const [pause, shell, hello] = imageNames;
  return archive(
    [
      {
        name: pause,
        layers: [base, await layer([{ path: 'pause', body: pauseScript, mode: 0o755 }])],
        config: { Env: [path], Entrypoint: ['/pause'] },
      },
      { name: shell, layers: [base], config: { Env: [path], Cmd: ['sh'] } },
      {
        name: hello,
        layers: [base, await layer([{ path: 'hello', body: helloScript, mode: 0o755 }])],
        config: { Env: [path], Cmd: ['/hello'], ExposedPorts: { '8080/tcp': {} } },
      },
    ],
    architecture(),
  );
}

/** Names the result of buildImages for a busybox without building it: changes when either changes. */
export function imagesKey(busyboxFile: string): string {
  const stat = fs.statSync(busyboxFile);
  return createHash('sha256')
    .update(`${busyboxFile} ${stat.size} ${stat.mtimeMs} ${pauseScript} ${helloScript} ${passwd} ${group} 2`)
    .digest('hex')
    .slice(0, 12);
}
