// The network between local nodes: a bridge on the host, and for every node after the first a network namespace joined to it.
// All calls are idempotent. What happens inside (pod bridges, Services, DNS) is each agent's business.
import fs from 'node:fs';
import { run, tryRun } from './run.ts';
import type { Ranges } from './settings.ts';

/** Ethernet devices of ours carry this many characters at most: see IFNAMSIZ. */
const veth = (ranges: Ranges, k: number) => `${ranges.networkId(k)}v`;
const lanTable = (ranges: Ranges) => `${ranges.bridge.replace(/lan$/, '')}_lan`;

async function forwarding(): Promise<void> {
  const file = '/proc/sys/net/ipv4/ip_forward';
  if (fs.readFileSync(file, 'utf8').trim() !== '1') fs.writeFileSync(file, '1');
}

/** The bridge with the address at which the other nodes find the API and the first node. */
export async function ensureLan(ranges: Ranges): Promise<void> {
  await forwarding();
  if (!fs.existsSync(`/sys/class/net/${ranges.bridge}`))
    await run('ip', 'link', 'add', ranges.bridge, 'type', 'bridge');
  await run('ip', 'addr', 'replace', `${ranges.bridgeAddress}/24`, 'dev', ranges.bridge);
  await run('ip', 'link', 'set', ranges.bridge, 'up');
  // Nodes behind the bridge reach the rest of the world as this machine does.
  const table = lanTable(ranges);
  await run(
    'nft',
    `table ip ${table} {}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${ranges.bridgeCidr} ip daddr != { ${ranges.bridgeCidr}, ${ranges.podCidr} } oifname != "${ranges.bridge}" masquerade
  }
}
`,
  );
}

/** The namespace of the k-th node (k ≥ 2), with an address on the bridge and a default route through it. */
export async function ensureNodeNetns(ranges: Ranges, node: string, k: number): Promise<void> {
  const netns = ranges.netns(node);
  const inside = (...args: string[]) => run('ip', '-n', netns, ...args);
  if (!fs.existsSync(`/run/netns/${netns}`)) await run('ip', 'netns', 'add', netns);
  const links = await inside('-br', 'link');
  if (!/^eth0[@ ]/m.test(links)) {
    await tryRun('ip', ['link', 'del', veth(ranges, k)]);
    await run('ip', 'link', 'add', veth(ranges, k), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns);
  }
  await run('ip', 'link', 'set', veth(ranges, k), 'master', ranges.bridge, 'up');
  await inside('link', 'set', 'lo', 'up');
  await inside('addr', 'replace', `${ranges.nodeAddress(k)}/24`, 'dev', 'eth0');
  await inside('link', 'set', 'eth0', 'up');
  await inside('route', 'replace', 'default', 'via', ranges.bridgeAddress);
  await run('nsenter', `--net=/run/netns/${netns}`, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
}

/** Runs a program inside the namespace; keeps the host's mounts, unlike `ip netns exec`, which hides the cgroups. */
export const inNetns = (ranges: Ranges, node: string, command: readonly string[]) => [
  'nsenter',
  `--net=/run/netns/${ranges.netns(node)}`,
  ...command,
];

/** Removes everything in the kernel's network that carries this cluster's names. Never fails. */
export async function removeNetwork(ranges: Ranges, instance: number): Promise<void> {
  const prefix = `tf${instance}`;
  const own = new RegExp(`^${prefix}(n\\d|lan|_)`);
  const list = fs.existsSync('/run/netns') ? fs.readdirSync('/run/netns') : [];
  for (const name of list) {
    if (name.startsWith(`tiffin-${instance}-`)) await tryRun('ip', ['netns', 'del', name]);
  }
  const tables = await tryRun('nft', ['list', 'tables']);
  for (const [, family, table] of tables.stdout.matchAll(/^table (\w+) (\S+)$/gm)) {
    if (own.test(table!)) await tryRun('nft', ['delete', 'table', family!, table!]);
  }
  const links = await tryRun('ip', ['-o', 'link']);
  for (const [, link] of links.stdout.matchAll(/^\d+: ([^:@]+)/gm)) {
    if (own.test(link!)) await tryRun('ip', ['link', 'del', link!]);
  }
  // Addresses of the service range on lo (DNS, the API inside pods), and routes to pods of other nodes.
  const within = (cidr: string) => cidr.split('.').slice(0, 2).join('.');
  const addresses = await tryRun('ip', ['-o', '-4', 'addr', 'show', 'dev', 'lo']);
  for (const [, address] of addresses.stdout.matchAll(/inet (\S+)/g)) {
    if (address!.startsWith(`${within(ranges.serviceCidr)}.`))
      await tryRun('ip', ['addr', 'del', address!, 'dev', 'lo']);
  }
  const routes = await tryRun('ip', ['-4', 'route']);
  for (const route of routes.stdout.split('\n')) {
    const [target = ''] = route.split(' ');
    const ours = [within(ranges.podCidr), within(ranges.serviceCidr)].some((p) => target.startsWith(`${p}.`));
    if (ours) await tryRun('ip', ['route', 'del', target]);
  }
}
