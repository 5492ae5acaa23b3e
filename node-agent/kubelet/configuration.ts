// /configz: KubeletConfiguration (kubelet.config.k8s.io/v1beta1) with what is true of this agent. Fields that mean nothing here are
// absent.
export interface ConfigurationFacts {
  clusterDomain: string;
  dnsAddress: string;
  maxPods: number;
  podLogsDirectory: string;
  containerRuntimeSocket: string | undefined;
  heartbeatSeconds: number;
}

export function kubeletConfiguration(f: ConfigurationFacts): Record<string, unknown> {
  return {
    // It is reached through the control plane alone.
    enableServer: false,
    ...(f.podLogsDirectory ? { podLogsDir: f.podLogsDirectory } : {}),
    syncFrequency: '10s',
    readOnlyPort: 0,
    rotateCertificates: true,
    authentication: { x509: {}, webhook: { enabled: false }, anonymous: { enabled: false } },
    authorization: { mode: 'Webhook' },
    enableDebuggingHandlers: true,
    ...(f.clusterDomain ? { clusterDomain: f.clusterDomain } : {}),
    ...(f.dnsAddress ? { clusterDNS: [f.dnsAddress] } : {}),
    streamingConnectionIdleTimeout: '4h0m0s',
    nodeStatusUpdateFrequency: '10s',
    nodeLeaseDurationSeconds: f.heartbeatSeconds * 4,
    volumeStatsAggPeriod: '1m0s',
    cgroupsPerQOS: true,
    cgroupDriver: 'cgroupfs',
    cpuManagerPolicy: 'none',
    memoryManagerPolicy: 'None',
    topologyManagerPolicy: 'none',
    maxPods: f.maxPods,
    podPidsLimit: -1,
    resolvConf: '/etc/resolv.conf',
    cpuCFSQuota: true,
    cpuCFSQuotaPeriod: '100ms',
    nodeStatusMaxImages: 50,
    serializeImagePulls: false,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' },
    failSwapOn: false,
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 5,
    containerLogMonitorInterval: '10s',
    configMapAndSecretChangeDetectionStrategy: 'Watch',
    enforceNodeAllocatable: ['pods'],
    enableSystemLogHandler: true,
    enableSystemLogQuery: false,
    enableProfilingHandler: false,
    enableDebugFlagsHandler: false,
    seccompDefault: false,
    registerNode: true,
    localStorageCapacityIsolation: false,
    ...(f.containerRuntimeSocket ? { containerRuntimeEndpoint: `unix://${f.containerRuntimeSocket}` } : {}),
  };
}
