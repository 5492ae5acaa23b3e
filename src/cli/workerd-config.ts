// The configuration of workerd for one local cluster: the Worker of workers/main.ts with four SQLite classes on disk, served
// over https on each address, and beside it the class of which there is an object for each stream, in memory. Paths that workerd embeds are relative to the file; the disk's is absolute.
import path from 'node:path';
import { certificatesIn } from '../configuration/certificate-authorities.ts';
import type { Pki } from './pki.ts';

export interface WorkerdConfigInput {
  /** Folder that the configuration is written to. */
  dir: string;
  bundle: string;
  ledger: string;
  /** Folder of audit events, which must be there; absent: they go to the log. */
  audit?: string;
  pki: Pki;
  addresses: readonly string[];
  port: number;
  clusterConfig: Record<string, unknown>;
  /** File: JSON, a list of configuration objects. */
  configuration: string;
  /** PEM bundles that servers are held to when they are called, see src/configuration. */
  certificateAuthorities: readonly string[];
}

const compatibilityDate = '2026-11-17';
/** Bindings and their classes. The unique keys name files on disk: changing one loses the data. */
export const classes = [
  ['API_SERVER', 'ApiServer'],
  ['CONTROLLER_MANAGER', 'ControllerManager'],
  ['SCHEDULER', 'Scheduler'],
  ['NODE_LINK', 'NodeLink'],
] as const;

/**
 * Of streams: a service of its own, since the storage of a service is on disk or in memory. Its objects go when they are idle; a
 * database would stay.
 */
export const streamClass = 'Rendezvous';
const streamService = 'streams';

/** A small nursery: nearly all that a request makes dies with it, and what is reused stays in the processor's caches. */
const v8Flags = ['--max-semi-space-size=8'];

/** With an index: the binding of the network that trusts one authority alone (workers/adapters/outbound.ts). */
const outboundBinding = 'OUTBOUND_';

const hostPort = (address: string, port: number) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** Of the address of this index. */
export const socketName = (index: number): string => `https-${index}`;

export function workerdConfig(input: WorkerdConfigInput): string {
  const text = (value: string) => JSON.stringify(value);
  const embed = (file: string) => `embed ${text(path.relative(input.dir, file))}`;
  const keypair = `(privateKey = ${embed(input.pki.servingKey)}, certificateChain = ${embed(input.pki.servingCertificate)})`;
  const sockets = input.addresses.map(
    (address, i) =>
      `    (name = "${socketName(i)}", address = ${text(hostPort(address, input.port))}, service = "main",\n` +
      `     https = (options = (), tlsOptions = (keypair = ${keypair}))),`,
  );
  const bindings = [
    ...classes.map(([binding, name]) => `(name = "${binding}", durableObjectNamespace = "${name}")`),
    `(name = "RENDEZVOUS", durableObjectNamespace = (className = "${streamClass}", serviceName = "${streamService}"))`,
    `(name = "ADMIN_TOKEN", text = ${embed(input.pki.adminToken)})`,
    `(name = "CLUSTER_CA_CERT", text = ${embed(input.pki.caCertificate)})`,
    `(name = "CLUSTER_CA_KEY", text = ${embed(input.pki.caKey)})`,
    `(name = "SERVICE_ACCOUNT_KEY", text = ${embed(input.pki.serviceAccountKey)})`,
    `(name = "ENCRYPTION_KEYS", text = ${embed(input.pki.encryptionKeys)})`,
    `(name = "CLUSTER_CONFIG", text = ${text(JSON.stringify(input.clusterConfig))})`,
    `(name = "CONFIGURATION", text = ${embed(input.configuration)})`,
    ...(input.audit === undefined ? [] : ['(name = "AUDIT_FILES", service = "audit")']),
    ...input.certificateAuthorities.map((_, i) => `(name = "${outboundBinding}${i}", service = "outbound-${i}")`),
  ];
  const disk = (name: string, folder: string) =>
    `    (name = "${name}", disk = (path = ${text(folder)}, writable = true, allowDotfiles = false)),`;
  const disks = [disk('ledger', input.ledger), ...(input.audit === undefined ? [] : [disk('audit', input.audit)])];
  // Webhooks and issuers of a local cluster are often on this machine or beside it. A Worker cannot choose whom one call trusts,
  // so each authority has a network of its own.
  const network = (name: string, trust: string) =>
    `    (name = "${name}", network = (allow = ["public", "private"], tlsOptions = (${trust}))),`;
  const networks = [
    network('outbound', 'trustBrowserCas = true'),
    ...input.certificateAuthorities.map((pem, i) =>
      network(`outbound-${i}`, `trustedCertificates = [${certificatesIn(pem).map(text).join(', ')}]`),
    ),
  ];
  // Memory costs nothing here, and an evicted object begins anew: a node's link would count silence afresh, the scheduler list all.
  const namespaces = classes.map(
    ([, name]) => `(className = "${name}", uniqueKey = "tiffin-${name}", enableSql = true, preventEviction = true)`,
  );
  return `# Written by tiffin up.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  v8Flags = [${v8Flags.map(text).join(', ')}],
  services = [
    (name = "main", worker = .worker),
    (name = "${streamService}", worker = .streams),
${disks.join('\n')}
${networks.join('\n')}
  ],
  sockets = [
${sockets.join('\n')}
  ],
);

const worker :Workerd.Worker = (
  modules = [(name = "main.js", esModule = ${embed(input.bundle)})],
  compatibilityDate = "${compatibilityDate}",
  bindings = [
    ${bindings.join(',\n    ')},
  ],
  durableObjectNamespaces = [
    ${namespaces.join(',\n    ')},
  ],
  durableObjectStorage = (localDisk = "ledger"),
  globalOutbound = "outbound",
);

const streams :Workerd.Worker = (
  modules = [(name = "main.js", esModule = ${embed(input.bundle)})],
  compatibilityDate = "${compatibilityDate}",
  bindings = [(name = "NODE_LINK", durableObjectNamespace = (className = "NodeLink", serviceName = "main"))],
  durableObjectNamespaces = [(className = "${streamClass}", uniqueKey = "tiffin-${streamClass}")],
  durableObjectStorage = (inMemory = void),
  globalOutbound = "outbound",
);
`;
}
