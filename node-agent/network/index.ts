// The network of a real node: packet filter maps for Services, routes to other nodes' pods, the CNI configuration, cluster DNS
// and the API inside pods. Everything derives from the newest view; a failed step is reported and tried again with the
// next view. It reaches neighbours on one link only; other topologies are not its business.
import fs from 'node:fs/promises';
import path from 'node:path';
import ipaddr from 'ipaddr.js';
import type { Log } from '../../src/ports/index.ts';
import type { CertificateResponse, ClusterInfo } from '../../src/protocol/node.ts';
import type { AgentConfig } from '../config.ts';
import { type ApiEndpoint, startApiEndpoint } from './api-endpoint.ts';
import { renewInMs, requestCertificate, type ServingCertificate, storedCertificate } from './certificate.ts';
import { writeCniConfig } from './cni.ts';
import { type DnsServer, startDns } from './dns.ts';
import { addAddress, dropAddress, ensureBridge, forgetUdp, ip, nft, sysctl } from './kernel.ts';
import { baseScript, changeScript, mostBackends } from './nft.ts';
import { buildZone } from './records.ts';
import { podRoutes } from './routes.ts';
import { type ServiceMap, serviceMap, staleUdp } from './service-map.ts';
import type { NetworkView, NodeNetwork } from './types.ts';

export interface NetworkDependencies {
  log: Log;
  /** Has the control plane sign a PKCS#10 request (PEM); rejects while it cannot be reached. */
  sign(csr: string): Promise<CertificateResponse>;
}

/** Chains for this many backends per destination to begin with; doubled when a Service has more. */
const backendsMaxAtStart = 32;
const certificateRetryMs = 1_000;
/** The longest wait that a timer can hold. */
const timerMsMax = 2 ** 31 - 1;
const emptyMap = (): ServiceMap => ({
  destinations: new Map(),
  nodePorts: new Map(),
  hostPorts: new Map(),
  hairpins: new Set(),
});

/** The n-th address of an IPv4 CIDR: nth('10.96.0.0/16', 1) is 10.96.0.1. */
export function nthAddress(cidr: string, n: number): string {
  const [base] = ipaddr.IPv4.parseCIDR(cidr);
  const value = base.octets.reduce((sum, octet) => sum * 256 + octet, 0) + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export function createNetwork(config: AgentConfig, { log, sign }: NetworkDependencies): NodeNetwork {
  const table = `${config.networkId}_services`;
  const bridge = `${config.networkId}-pods`;
  let backendsMax = backendsMaxAtStart;
  const routed = new Map<string, string>();
  let cluster: ClusterInfo | undefined;
  let apiAddress = '';
  let dnsAddress = '';
  let applied = emptyMap();
  let built = false;
  let dnsServer: DnsServer | undefined;
  let api: ApiEndpoint | undefined;
  let renewal: NodeJS.Timeout | undefined;
  let stopped = false;
  let podCidr: string | undefined;

  const owned = (address: string): boolean => {
    if (!cluster || !ipaddr.IPv4.isValid(address)) return false;
    const parsed = ipaddr.IPv4.parse(address);
    return [cluster.podCidr, cluster.serviceCidr].some((cidr) => parsed.match(ipaddr.IPv4.parseCIDR(cidr)));
  };

  async function serveApi(): Promise<void> {
    const upstreamCa = config.caFile ? await fs.readFile(config.caFile, 'utf8') : undefined;
    const use = async (c: ServingCertificate): Promise<void> => {
      if (api) api.renew(c.key, c.certificate);
      else {
        api = await startApiEndpoint({
          address: apiAddress,
          port: 443,
          url: config.url,
          key: c.key,
          certificate: c.certificate,
          log,
          ...(upstreamCa ? { upstreamCa } : {}),
        });
      }
      later(renewInMs(c, Date.now()));
    };
    const renew = async (): Promise<void> => {
      try {
        await use(await requestCertificate(config.stateDir, config.nodeName, sign));
      } catch (error) {
        log.warn('no certificate for the API inside pods yet', { error: String(error) });
        later(certificateRetryMs);
      }
    };
    const later = (ms: number): void => {
      clearTimeout(renewal);
      if (!stopped) renewal = setTimeout(() => void renew(), Math.min(ms, timerMsMax));
    };
    const stored = await storedCertificate(config.stateDir);
    if (stored && stored.notAfter > Date.now()) await use(stored);
    else await renew();
  }

  async function applyRoutes(view: NetworkView): Promise<void> {
    const wanted = podRoutes(view.nodes, config.nodeName);
    for (const [cidr, hop] of routed) {
      if (wanted.get(cidr) === hop) continue;
      await ip('route', 'del', cidr, 'via', hop).catch(() => {});
      routed.delete(cidr);
    }
    for (const [cidr, hop] of wanted) {
      if (routed.has(cidr)) continue;
      try {
        await ip('route', 'replace', cidr, 'via', hop);
        routed.set(cidr, hop);
      } catch (error) {
        log.warn('no route to the pods of another node', { cidr, hop, error: String(error) });
      }
    }
  }

  async function applyServices(view: NetworkView): Promise<void> {
    const next = serviceMap(view, config.nodeName, new Set([apiAddress, dnsAddress]));
    const most = mostBackends(next);
    const fits = most <= backendsMax;
    while (backendsMax < most) backendsMax *= 2;
    const rebuild = (): Promise<void> => nft(base() + changeScript(table, emptyMap(), next));
    // The first view replaces the table that an earlier run of the agent left in force, in one step and without a gap.
    if (!built || !fits) await rebuild();
    else {
      try {
        await nft(changeScript(table, applied, next));
      } catch (error) {
        // The kernel and our idea of it disagree (somebody flushed the table): start over from nothing.
        log.warn('rebuilding the packet filter table', { error: String(error) });
        await rebuild();
      }
    }
    built = true;
    const stale = staleUdp(applied, next);
    applied = next;
    await Promise.all(stale.map((s) => forgetUdp(s.address, s.backend)));
  }

  const base = (): string =>
    baseScript({
      table,
      bridge,
      backendsMax,
      clusterPodCidr: cluster?.podCidr ?? '',
      serviceCidr: cluster?.serviceCidr ?? '',
    });

  async function applyView(view: NetworkView): Promise<void> {
    if (!cluster) return;
    dnsServer?.setZone(buildZone(view.services, view.slices, cluster.clusterDomain, owned));
    await applyServices(view);
    await applyRoutes(view);
  }

  // Only the newest waiting view is applied; all its waiters settle with it.
  let running: Promise<void> | undefined;
  let waiting: { view: NetworkView; settled: Promise<void> } | undefined;
  function apply(view: NetworkView): Promise<void> {
    if (waiting) {
      waiting.view = view;
      return waiting.settled;
    }
    const turn = { view, settled: Promise.resolve() };
    const previous = running ?? Promise.resolve();
    turn.settled = previous
      .catch(() => {})
      .then(() => {
        waiting = undefined;
        running = applyView(turn.view);
        return running;
      });
    waiting = turn;
    return turn.settled;
  }

  return {
    get dnsAddress() {
      return dnsAddress;
    },
    apply,
    async start(info) {
      if (cluster) return;
      cluster = info;
      apiAddress = nthAddress(info.serviceCidr, 1);
      dnsAddress = nthAddress(info.serviceCidr, 10);
      await fs.mkdir(config.stateDir, { recursive: true });
      await sysctl('net.ipv4.ip_forward', '1');
      if (!(await sysctl('net.bridge.bridge-nf-call-iptables', '1'))) {
        log.warn('br_netfilter is not available: pods cannot reach pods of the same node through a Service');
      }
      await addAddress('lo', `${apiAddress}/32`);
      await addAddress('lo', `${dnsAddress}/32`);
      dnsServer = await startDns({ address: dnsAddress, log, zone: buildZone([], [], info.clusterDomain, owned) });
      await serveApi();
    },
    async setPodCidr(cidr) {
      if (!cluster || podCidr === cidr) return;
      await ensureBridge(bridge, `${nthAddress(cidr, 1)}/${cidr.split('/')[1]}`);
      // Locally made connections to a Service need a route before the packet filter can redirect them.
      await ip('route', 'replace', cluster.serviceCidr, 'dev', bridge, 'src', nthAddress(cidr, 1));
      await writeCniConfig({
        confDir: config.containerd?.cniConfDir ?? path.join(config.stateDir, 'cni'),
        ipamDir: path.join(config.runDir, 'ipam'),
        bridge,
        podCidr: cidr,
      });
      podCidr = cidr;
    },
    async stop(purge) {
      stopped = true;
      clearTimeout(renewal);
      await dnsServer?.stop();
      await api?.stop();
      if (!purge) return;
      await nft(`table ip ${table}\ndelete table ip ${table}\n`);
      for (const [cidr, hop] of routed) await ip('route', 'del', cidr, 'via', hop).catch(() => {});
      await ip('link', 'del', bridge).catch(() => {});
      for (const address of [apiAddress, dnsAddress]) if (address) await dropAddress('lo', `${address}/32`);
    },
  };
}
