// A read-only image registry over plain HTTP on loopback, for tests: every name has one image, tag 1, made of busybox.
// Names that begin with `private/` want the user me with the password pass.
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import * as tar from 'tar-stream';
import { writeImageArchive } from '../../src/cli/images.ts';
import { staticBusybox } from '../../src/cli/packages.ts';

export interface Registry {
  /** host:port, as image names begin. */
  host: string;
  /** `GET /v2/…`, in order. */
  asked: string[];
  stop(): void;
}

async function blobsOfImage(): Promise<{ blobs: Map<string, Buffer>; manifest: string }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'registry-'));
  try {
    const archive = path.join(directory, 'image.tar');
    const busybox = staticBusybox();
    if (!busybox) throw new Error('no static busybox');
    await writeImageArchive(archive, [
      {
        name: 'registry/image:1',
        entries: [
          { path: 'bin/busybox', body: fs.readFileSync(busybox), mode: 0o755 },
          ...['sh', 'sleep'].map((applet) => ({ path: `bin/${applet}`, link: 'busybox' })),
        ],
        config: {
          Env: ['PATH=/bin'],
          Cmd: ['sh', '-c', 'echo pulled; trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'],
        },
      },
    ]);
    const files = new Map<string, Buffer>();
    const extract = fs.createReadStream(archive).pipe(tar.extract());
    for await (const entry of extract) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      files.set(entry.header.name, Buffer.concat(chunks));
    }
    const index = JSON.parse(files.get('index.json')?.toString() ?? '') as { manifests: { digest: string }[] };
    const blobs = new Map(
      [...files]
        .filter(([name]) => name.startsWith('blobs/sha256/'))
        .map(([name, bytes]) => [`sha256:${path.basename(name)}`, bytes]),
    );
    return { blobs, manifest: index.manifests[0]?.digest ?? '' };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

export async function serveRegistry(): Promise<Registry> {
  const { blobs, manifest } = await blobsOfImage();
  const asked: string[] = [];
  const allowed = `Basic ${Buffer.from('me:pass').toString('base64')}`;
  const server = http.createServer((request, response) => {
    const url = request.url ?? '';
    asked.push(`${request.method} ${url}`);
    if (url.startsWith('/v2/private/') && request.headers.authorization !== allowed)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    if (url === '/v2/') return void response.writeHead(200).end();
    const [, kind, reference = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)/.exec(url) ?? [];
    const digest = kind === 'manifests' && reference === '1' ? manifest : reference;
    const body = blobs.get(digest);
    if (!body) return void response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    response.writeHead(200, {
      'content-type': kind === 'manifests' ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream',
      'content-length': body.length,
      'docker-content-digest': digest,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    asked,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
