import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import * as tar from 'tar-stream';
import { afterAll, expect, test } from 'vitest';
import { idsOf } from './cri.ts';
import { buildImages, imageNames } from './images.ts';
import { isStatic } from './packages.ts';
import { readZipEntry } from './zip.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-archives-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

async function entriesOf(archive: Uint8Array): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const extract = tar.extract();
  extract.end(Buffer.from(archive));
  for await (const entry of extract) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.set(entry.header.name, Buffer.concat(chunks));
  }
  return found;
}

interface Descriptor {
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

test('images: the same busybox gives the same bytes, and every descriptor fits its blob', async () => {
  const archive = await buildImages(Buffer.from('not really busybox'), ['busybox', 'sh', 'httpd']);
  expect(
    Buffer.compare(archive, await buildImages(Buffer.from('not really busybox'), ['busybox', 'sh', 'httpd'])),
  ).toBe(0);
  const entries = await entriesOf(archive);
  const blobOf = (d: Descriptor) => {
    const bytes = entries.get(`blobs/sha256/${d.digest.slice(7)}`);
    expect(bytes?.length, d.digest).toBe(d.size);
    return bytes!;
  };
  const index = JSON.parse(entries.get('index.json')!.toString()) as { manifests: Descriptor[] };
  expect(index.manifests.map((m) => m.annotations?.['io.containerd.image.name'])).toEqual([...imageNames]);
  for (const descriptor of index.manifests) {
    const manifest = JSON.parse(blobOf(descriptor).toString()) as { config: Descriptor; layers: Descriptor[] };
    const config = JSON.parse(blobOf(manifest.config).toString()) as { rootfs: { diff_ids: string[] } };
    expect(config.rootfs.diff_ids).toEqual(manifest.layers.map((l) => l.digest));
    const files = await entriesOf(blobOf(manifest.layers[0]!));
    expect(files.has('bin/httpd')).toBe(true);
  }
});

test('scripts inside the images are valid shell', async () => {
  const entries = await entriesOf(await buildImages(Buffer.from('x'), []));
  let scripts = 0;
  for (const [name, bytes] of entries) {
    if (!name.startsWith('blobs/') || bytes[0] === 0x7b || bytes.length === 0) continue;
    for (const [file, body] of await entriesOf(bytes)) {
      if (file !== 'pause' && file !== 'hello') continue;
      execFileSync('sh', ['-n'], { input: body });
      scripts++;
    }
  }
  expect(scripts).toBe(2);
});

test('a file is read out of a zip archive', () => {
  const file = path.join(dir, 'x.zip');
  const body = Buffer.from('kubectl '.repeat(1000));
  const packed = deflateRawSync(body);
  const name = Buffer.from('kubectl/kubectl');
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt32LE(body.length, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(30 + name.length + packed.length, 16);
  fs.writeFileSync(file, Buffer.concat([local, name, packed, central, name, end]));
  expect(readZipEntry(file, 'kubectl/kubectl')?.equals(body)).toBe(true);
  expect(readZipEntry(file, 'helm/helm')).toBeUndefined();
  fs.writeFileSync(file, 'no archive');
  expect(() => readZipEntry(file, 'x')).toThrow(/not a zip/);
});

test('ids of a CRI list answer', () => {
  // {items: [{id: "ab", metadata: …}, {id: "c"}]}
  const bytes = Uint8Array.from([10, 8, 10, 2, 97, 98, 18, 2, 8, 1, 10, 3, 10, 1, 99]);
  expect(idsOf(bytes)).toEqual(['ab', 'c']);
  expect(idsOf(new Uint8Array())).toEqual([]);
});

test('a shell script is no static executable', () => {
  const file = path.join(dir, 'script');
  fs.writeFileSync(file, '#!/bin/sh\n'.repeat(20));
  expect(isStatic(file)).toBe(false);
});
