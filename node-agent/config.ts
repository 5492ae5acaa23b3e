// What an agent is started with: `node node-agent/main.ts --config FILE` (JSON of this shape).

export interface AgentConfig {
  /** Name of its Node object. With `simulatedNodes` the nodes are `${nodeName}-0`, `${nodeName}-1`, … */
  nodeName: string;
  /** Where the control plane answers: https://host:port */
  url: string;
  /** PEM file with the CA that signed the control plane's certificate, beside the system's own. */
  caFile?: string;
  /** Everything that must survive: credential, last snapshot, pod directories (volumes, logs). */
  stateDir: string;
  /** Things that need not survive a reboot: sockets. */
  runDir: string;
  /** Buys the node credential at the first start; not needed afterwards. */
  bootstrapToken?: string;
  /** Absent: simulated runtime. */
  containerd?: { socket: string; cniConfDir: string; cniBinDir: string };
  simulatedNodes?: number;
  /** The node's InternalIP. */
  address: string;
  labels?: Record<string, string>;
  /** At most 8 characters, unique on this kernel: prefixes bridges, packet filter tables, cgroups. */
  networkId: string;
  /** Memory and CPU that the node offers; default: the machine's. For several nodes that share a machine. */
  capacity?: { cpu?: string; memory?: string; pods?: string };
}
