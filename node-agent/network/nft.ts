// The node's nftables table: its fixed rules, and the smallest script that turns one service map into the next. Pure text;
// nothing here runs a program. The table is replaced whole at start and changed by elements afterwards.
import type { Backend, ServiceMap } from './service-map.ts';

export interface TableOptions {
  /** Name of the table, unique on this kernel. */
  table: string;
  /** All pods of the cluster, CIDR. */
  clusterPodCidr: string;
  serviceCidr: string;
  /** The bridge that this node's pods hang on. */
  bridge: string;
  /** The most backends that one destination may have: there is a chain for each count up to it. */
  backendsMax: number;
}

/** Bit of the packet mark that asks for masquerading; the same as kube-proxy's. */
const masqueradeMark = '0x4000';
const notBridged = (bridge: string): string => `oifname != "${bridge}"`;

/**
 * Declares the table and its rules, empty of elements; replaces what was there. All chains are declared here, because nft
 * (1.0.6) refuses a rule over such maps once they are in the kernel: more backends than chains means a new table.
 */
export function baseScript(o: TableOptions): string {
  const chains = (prefix: string, rule: (count: number) => string): string =>
    Array.from({ length: o.backendsMax }, (_, i) => `  chain ${prefix}_${i + 1} { ${rule(i + 1)}; }`).join('\n');
  return `table ip ${o.table}
delete table ip ${o.table}
table ip ${o.table} {
  map services { typeof ip daddr . meta l4proto . th dport : verdict; }
  map backends { typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport; }
  map node_ports { typeof meta l4proto . th dport : verdict; }
  map node_backends { typeof meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport; }
  map host_ports { typeof meta l4proto . th dport : ip daddr . th dport; }
  set hairpin { typeof ip saddr . ip daddr; }
${chains('pick', (n) => `dnat ip to ip daddr . meta l4proto . th dport . numgen random mod ${n} map @backends`)}
${chains(
  'node_pick',
  (n) =>
    `meta mark set meta mark or ${masqueradeMark} dnat ip to meta l4proto . th dport . numgen random mod ${n} map @node_backends`,
)}
  chain dispatch {
    ip daddr . meta l4proto . th dport vmap @services
    fib daddr type local meta l4proto . th dport vmap @node_ports
    fib daddr type local dnat ip to meta l4proto . th dport map @host_ports
  }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; meta l4proto { tcp, udp } jump dispatch; }
  chain output { type nat hook output priority -100; policy accept; meta l4proto { tcp, udp } jump dispatch; }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark and ${masqueradeMark} == ${masqueradeMark} meta mark set meta mark xor ${masqueradeMark} masquerade
    ct status dnat ip saddr . ip daddr @hairpin masquerade
    ct status dnat ip saddr != ${o.clusterPodCidr} fib saddr type != local oifname "${o.bridge}" masquerade
    ip saddr ${o.clusterPodCidr} ip daddr != ${o.clusterPodCidr} fib saddr type != local ${notBridged(o.bridge)} masquerade
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmp port-unreachable
  }
  chain unserved_forward {
    type filter hook forward priority 0; policy accept;
    ct state new ip daddr ${o.serviceCidr} jump refuse
  }
  chain unserved_output {
    type filter hook output priority 0; policy accept;
    oifname != "lo" ct state new ip daddr ${o.serviceCidr} jump refuse
  }
}
`;
}

const target = (b: Backend): string => `${b.ip} . ${b.port}`;
const same = (a: Backend | undefined, b: Backend | undefined): boolean => a?.ip === b?.ip && a?.port === b?.port;

/** Collects element changes and prints them as one transaction; deletions come first. */
class Script {
  private readonly removed = new Map<string, string[]>();
  private readonly added = new Map<string, string[]>();
  private readonly table: string;

  constructor(table: string) {
    this.table = table;
  }

  remove(map: string, key: string): void {
    (this.removed.get(map) ?? this.removed.set(map, []).get(map))?.push(key);
  }

  add(map: string, element: string): void {
    (this.added.get(map) ?? this.added.set(map, []).get(map))?.push(element);
  }

  toString(): string {
    const line = (verb: string, elements: Map<string, string[]>): string[] =>
      [...elements].map(([map, list]) => `${verb} element ip ${this.table} ${map} { ${list.join(', ')} }`);
    const text = [...line('delete', this.removed), ...line('add', this.added)].join('\n');
    return text === '' ? '' : `${text}\n`;
  }
}

interface Balanced {
  entries: 'services' | 'node_ports';
  backends: 'backends' | 'node_backends';
  chain: 'pick' | 'node_pick';
}

const balancedKinds: Record<'destinations' | 'nodePorts', Balanced> = {
  destinations: { entries: 'services', backends: 'backends', chain: 'pick' },
  nodePorts: { entries: 'node_ports', backends: 'node_backends', chain: 'node_pick' },
};

/** The most backends of any one destination. */
export function mostBackends(map: ServiceMap): number {
  let most = 0;
  for (const backends of [...map.destinations.values(), ...map.nodePorts.values()])
    most = Math.max(most, backends.length);
  return most;
}

/** The script from `before` to `after`, one transaction; '' when there is nothing to do. No map may exceed `backendsMax`. */
export function changeScript(table: string, before: ServiceMap, after: ServiceMap): string {
  const script = new Script(table);
  for (const field of ['destinations', 'nodePorts'] as const) {
    balanced(script, balancedKinds[field], before[field], after[field]);
  }
  for (const [key, b] of before.hostPorts) if (!same(b, after.hostPorts.get(key))) script.remove('host_ports', key);
  for (const [key, b] of after.hostPorts) {
    if (!same(b, before.hostPorts.get(key))) script.add('host_ports', `${key} : ${target(b)}`);
  }
  for (const ip of before.hairpins) if (!after.hairpins.has(ip)) script.remove('hairpin', `${ip} . ${ip}`);
  for (const ip of after.hairpins) if (!before.hairpins.has(ip)) script.add('hairpin', `${ip} . ${ip}`);
  return script.toString();
}

function balanced(
  script: Script,
  kind: Balanced,
  before: ReadonlyMap<string, Backend[]>,
  after: ReadonlyMap<string, Backend[]>,
): void {
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(key) ?? [];
    const now = after.get(key) ?? [];
    if (old.length !== now.length) {
      if (old.length > 0) script.remove(kind.entries, key);
      if (now.length > 0) script.add(kind.entries, `${key} : goto ${kind.chain}_${now.length}`);
    }
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      if (same(old[i], now[i])) continue;
      if (old[i]) script.remove(kind.backends, `${key} . ${i}`);
      const next = now[i];
      if (next) script.add(kind.backends, `${key} . ${i} : ${target(next)}`);
    }
  }
}
