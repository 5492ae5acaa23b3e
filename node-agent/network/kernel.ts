// The effects of the node's network: programs (nft, ip, conntrack, sysctl files). Each call is idempotent or says that it
// is not; errors carry what the program printed.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export async function ip(...args: string[]): Promise<string> {
  return (await execute('ip', args)).stdout;
}

/** Feeds a script to nft: one transaction, all or nothing. */
export async function nft(script: string): Promise<void> {
  if (script === '') return;
  await new Promise<void>((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`nft: ${stderr.trim() || `exit code ${code}`}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(script);
  });
}

/** Forgets UDP flows towards `address` that were sent to `backend`. */
export async function forgetUdp(address: string, backend: string): Promise<void> {
  // conntrack exits with 1 when there was nothing to delete.
  await execute('conntrack', ['-D', '-p', 'udp', '--orig-dst', address, '--reply-src', backend]).catch(() => {});
}

/** Returns false where this kernel has no such setting or does not let us. */
export async function sysctl(name: string, value: string): Promise<boolean> {
  const file = `/proc/sys/${name.replaceAll('.', '/')}`;
  try {
    if ((await fs.readFile(file, 'utf8')).trim() !== value) await fs.writeFile(file, value);
    return true;
  } catch {
    return false;
  }
}

export async function addAddress(device: string, cidr: string): Promise<void> {
  await ip('addr', 'replace', cidr, 'dev', device);
}

export async function dropAddress(device: string, cidr: string): Promise<void> {
  await ip('addr', 'del', cidr, 'dev', device).catch(() => {});
}

/** Makes the pod bridge before any pod needs it, so that routes can name it. */
export async function ensureBridge(name: string, gateway: string): Promise<void> {
  await ip('link', 'add', name, 'type', 'bridge').catch(() => {});
  await addAddress(name, gateway);
  await ip('link', 'set', name, 'up');
}
