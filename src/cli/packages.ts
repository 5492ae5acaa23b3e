// What a machine needs to run real nodes: which programs are missing, which Debian packages hold them, installing those.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const searched = () => [
  ...(process.env.PATH ?? '').split(':'),
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** Absolute path of a program, looked for in PATH and in the folders that ordinary users' PATH leaves out. */
export function which(program: string): string | undefined {
  for (const folder of searched()) {
    const file = path.join(folder, program);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (fs.statSync(file).isFile()) return file;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** The folder with the CNI plugins. */
export function cniBinDir(): string | undefined {
  return ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'].find((dir) =>
    ['bridge', 'host-local', 'loopback'].every((plugin) => fs.existsSync(path.join(dir, plugin))),
  );
}

/** A busybox without shared libraries: what the images are made of. */
export function staticBusybox(): string | undefined {
  const file = which('busybox');
  return file && isStatic(file) ? file : undefined;
}

/** An ELF file without a program interpreter. */
export function isStatic(file: string): boolean {
  const bytes = fs.readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return false;
  const offset = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  for (let i = 0; i < bytes.readUInt16LE(56); i++) if (bytes.readUInt32LE(offset + i * size) === 3) return false;
  return true;
}

const needs: readonly (readonly [debianPackage: string, present: () => boolean])[] = [
  ['containerd', () => which('containerd') !== undefined && which('ctr') !== undefined],
  ['runc', () => which('runc') !== undefined],
  ['containernetworking-plugins', () => cniBinDir() !== undefined],
  ['nftables', () => which('nft') !== undefined],
  ['conntrack', () => which('conntrack') !== undefined],
  ['iproute2', () => which('ip') !== undefined],
  ['busybox-static', () => staticBusybox() !== undefined],
  ['util-linux', () => which('nsenter') !== undefined],
];

/** Debian names of what is missing. */
export const missingPackages = (): string[] => needs.filter(([, present]) => !present()).map(([name]) => name);

export const isRoot = () => process.getuid?.() === 0;

export const canInstall = () => isRoot() && which('apt-get') !== undefined && fs.existsSync('/etc/debian_version');

/** Installs packages, its output into `logFile`. Services of theirs are not started: Tiffin never uses the system's containerd. */
export async function aptInstall(packages: readonly string[], logFile: string): Promise<boolean> {
  const output = fs.openSync(logFile, 'a');
  // Asked by maintainer scripts before they start a service; 101 means no.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !fs.existsSync(policy);
  if (ours) fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const apt = (...args: string[]) =>
    new Promise<boolean>((resolve) => {
      const child = spawn('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args], {
        stdio: ['ignore', output, output],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
      child.on('error', () => resolve(false));
      child.on('close', (code) => resolve(code === 0));
    });
  try {
    const install = () => apt('install', '--no-install-recommends', ...packages);
    return (await install()) || ((await apt('update')) && (await install()));
  } finally {
    if (ours) fs.rmSync(policy, { force: true });
    fs.closeSync(output);
  }
}
