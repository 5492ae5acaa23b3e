// The CRI sandbox of a pod: names, DNS, host ports, namespaces, security. Pure.
import type { Container, Pod, SeccompProfile as PodSeccomp } from '../../src/generated/schemas/core-v1.ts';
import { labels, type NamespaceOptions, type SandboxConfig, type SeccompProfile } from '../runtime.ts';
import { ephemeralOf } from './seen.ts';

export interface SandboxSettings {
  clusterDomain: string;
  dnsAddress: string;
  logDirectory: string;
  cgroupParent: string;
  /** The machine's own resolv.conf, for dnsPolicy Default. */
  hostDns: { servers: string[]; searches: string[]; options: string[] };
  hostName: string;
  seccompDirectory: string;
}

const hostNameMax = 63;

/** Name inside the pod, and its domain when it has a subdomain. */
export function hostNameOf(pod: Pod, clusterDomain: string): { name: string; domain?: string } {
  const spec = pod.spec!;
  if (spec.hostnameOverride) return { name: spec.hostnameOverride };
  const name = (spec.hostname || pod.metadata.name).slice(0, hostNameMax).replace(/[-.]+$/, '');
  if (!spec.subdomain) return { name };
  return { name, domain: `${spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` };
}

/** `targetId`: the container whose processes it is to see, whatever holds for the pod. */
export function namespaceOptions(pod: Pod, targetId?: string): NamespaceOptions {
  const spec = pod.spec!;
  return {
    network: spec.hostNetwork ? 'NODE' : 'POD',
    pid: spec.hostPID ? 'NODE' : spec.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec.hostIPC ? 'NODE' : 'POD',
    ...(targetId === undefined ? {} : { pid: 'TARGET', target_id: targetId }),
  };
}

export function seccomp(profile: PodSeccomp | undefined, directory: string): SeccompProfile | undefined {
  if (!profile) return undefined;
  if (profile.type === 'Localhost')
    return { profile_type: 'Localhost', localhost_ref: `${directory}/${profile.localhostProfile ?? ''}` };
  return { profile_type: profile.type === 'RuntimeDefault' ? 'RuntimeDefault' : 'Unconfined', localhost_ref: '' };
}

export function dnsConfig(pod: Pod, s: SandboxSettings): { servers: string[]; searches: string[]; options: string[] } {
  const spec = pod.spec!;
  const domain = s.clusterDomain;
  let policy = spec.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'ClusterFirst' && spec.hostNetwork) policy = 'Default';
  let dns: { servers: string[]; searches: string[]; options: string[] };
  if (policy === 'None') dns = { servers: [], searches: [], options: [] };
  else if (policy === 'Default') dns = structuredClone(s.hostDns);
  else {
    const own = [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain];
    dns = { servers: [s.dnsAddress], searches: [...own, ...s.hostDns.searches], options: ['ndots:5'] };
  }
  const extra = spec.dnsConfig;
  if (extra) {
    dns.servers = unique([...dns.servers, ...(extra.nameservers ?? [])]);
    dns.searches = unique([...dns.searches, ...(extra.searches ?? [])]);
    const options = new Map(dns.options.map((o) => [o.split(':')[0]!, o]));
    for (const o of extra.options ?? [])
      if (o.name) options.set(o.name, o.value === undefined ? o.name : `${o.name}:${o.value}`);
    dns.options = [...options.values()];
  }
  return dns;
}

const unique = (list: string[]): string[] => [...new Set(list)];

export function sandboxConfig(pod: Pod, attempt: number, s: SandboxSettings): SandboxConfig {
  const spec = pod.spec!;
  const context = spec.securityContext;
  const { name, domain } = hostNameOf(pod, s.clusterDomain);
  const containers: Container[] = [
    ...spec.containers,
    ...(spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'),
  ];
  return {
    metadata: { name: pod.metadata.name, uid: pod.metadata.uid, namespace: pod.metadata.namespace ?? '', attempt },
    hostname: spec.hostNetwork ? '' : spec.setHostnameAsFQDN && domain ? `${name}.${domain}` : name,
    log_directory: s.logDirectory,
    dns_config: dnsConfig(pod, s),
    port_mappings: spec.hostNetwork
      ? []
      : containers
          .flatMap((c) => c.ports ?? [])
          .filter((p) => p.hostPort)
          .map((p) => ({
            protocol: p.protocol ?? 'TCP',
            container_port: p.containerPort,
            host_port: p.hostPort!,
            host_ip: p.hostIP ?? '',
          })),
    labels: {
      ...pod.metadata.labels,
      [labels.podName]: pod.metadata.name,
      [labels.podNamespace]: pod.metadata.namespace ?? '',
      [labels.podUid]: pod.metadata.uid,
    },
    annotations: { ...pod.metadata.annotations },
    linux: {
      cgroup_parent: s.cgroupParent,
      sysctls: Object.fromEntries((context?.sysctls ?? []).map((x) => [x.name.replaceAll('/', '.'), x.value])),
      security_context: {
        namespace_options: namespaceOptions(pod),
        // The runtime asks for it again with each container: one for debugging may have more than those before it.
        privileged: [...spec.containers, ...(spec.initContainers ?? []), ...ephemeralOf(pod)].some(
          (c) => c.securityContext?.privileged === true,
        ),
        readonly_rootfs: false,
        ...(context?.runAsUser === undefined ? {} : { run_as_user: { value: context.runAsUser } }),
        ...(context?.runAsGroup === undefined || context.runAsUser === undefined
          ? {}
          : { run_as_group: { value: context.runAsGroup } }),
        supplemental_groups: [
          ...(context?.fsGroup === undefined ? [] : [context.fsGroup]),
          ...(context?.supplementalGroups ?? []),
        ],
        // As the kubelet does for sandboxes.
        seccomp: { profile_type: 'RuntimeDefault', localhost_ref: '' },
      },
    },
  };
}
