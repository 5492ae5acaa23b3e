// The hosts file that the kubelet manages and mounts at /etc/hosts, aliases included.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../../src/generated/schemas/core-v1.ts';
import { hostNameOf } from '../sandbox-config.ts';

const fixed = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** `hostFile`: the machine's own, for pods in the host's network. */
export function hostsText(pod: Pod, ips: readonly string[], clusterDomain: string, hostFile: string): string {
  const spec = pod.spec!;
  let text: string;
  if (spec.hostNetwork) text = `# Kubernetes-managed hosts file (host network).\n${hostFile}`;
  else {
    const { name, domain } = hostNameOf(pod, clusterDomain);
    const own = ips.map((ip) => (domain ? `${ip}\t${name}.${domain}\t${name}` : `${ip}\t${name}`));
    text = `# Kubernetes-managed hosts file.\n${[...fixed, ...own].join('\n')}\n`;
  }
  const aliases = spec.hostAliases ?? [];
  if (aliases.length === 0) return text;
  return `${text}\n# Entries added by HostAliases.\n${aliases.map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}\n`).join('')}`;
}

export async function writeHostsFile(
  directory: string,
  pod: Pod,
  ips: readonly string[],
  clusterDomain: string,
): Promise<string> {
  const file = path.join(directory, 'etc-hosts');
  const hostFile = pod.spec?.hostNetwork ? await fs.readFile('/etc/hosts', 'utf8').catch(() => '') : '';
  await fs.writeFile(file, hostsText(pod, ips, clusterDomain, hostFile), { mode: 0o644 });
  return file;
}
