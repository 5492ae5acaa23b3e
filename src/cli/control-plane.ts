// The local control plane as one component: workerd, its bundle, keys and configuration. Starts nothing.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { certificateAuthorities } from '../configuration/certificate-authorities.ts';
import { bundleWorker } from './bundle.ts';
import { configurationText, keptConfiguration } from './configuration.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { fingerprintOf } from './local-nodes.ts';
import type { StatePaths } from './paths.ts';
import { ensurePki } from './pki.ts';
import type { Component } from './processes.ts';
import { type ClusterSettings, hostAddresses, rangesOf } from './settings.ts';
import { socketName, workerdConfig } from './workerd-config.ts';

/** workerd's own executable; the one in node_modules/.bin is a wrapper that would stay in between. */
export function workerdBinary(): string {
  const exported: unknown = createRequire(import.meta.url)('workerd');
  return typeof exported === 'string' ? exported : (exported as { default: string }).default;
}

const wildcard = (address: string) => address === '0.0.0.0' || address === '::' || address === '*';

/** Where the API listens: always on 127.0.0.1, on the bridge when there is one, and where the user says. */
export function listenAddresses(settings: ClusterSettings): string[] {
  if (wildcard(settings.listen)) return [settings.listen === '*' ? '0.0.0.0' : settings.listen];
  const bridge = settings.nodes > 1 ? [rangesOf(settings.instance).bridgeAddress] : [];
  return [...new Set(['127.0.0.1', settings.listen, ...bridge])];
}

function certificateNames(settings: ClusterSettings): string[] {
  const addresses = listenAddresses(settings);
  const everywhere = addresses.some(wildcard) ? hostAddresses().filter((a) => !/^10\.(89|244)\./.test(a)) : [];
  return [
    ...new Set([
      ...addresses.filter((a) => !wildcard(a)),
      ...everywhere,
      '127.0.0.1',
      // Always: the bridge may come with a later `up --nodes`.
      rangesOf(settings.instance).bridgeAddress,
      'localhost',
      os.hostname(),
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
    ]),
  ];
}

export async function controlPlaneComponent(paths: StatePaths, settings: ClusterSettings): Promise<Component> {
  fs.mkdirSync(paths.ledger, { recursive: true });
  fs.mkdirSync(paths.audit, { recursive: true, mode: 0o700 });
  const [pki, bundle] = await Promise.all([
    ensurePki(paths.pki, certificateNames(settings), Date.now()),
    bundleWorker(paths.worker),
  ]);
  if (!fs.existsSync(paths.configuration)) fs.writeFileSync(paths.configuration, '[]', { mode: 0o600 });
  const ranges = rangesOf(settings.instance);
  const config = workerdConfig({
    dir: paths.worker,
    bundle,
    ledger: paths.ledger,
    audit: paths.audit,
    pki,
    addresses: listenAddresses(settings),
    port: settings.port,
    configuration: paths.configuration,
    certificateAuthorities: certificateAuthorities(keptConfiguration(paths)),
    clusterConfig: { podCidr: ranges.podCidr, serviceCidr: ranges.serviceCidr, longPoll: 'always' },
  });
  const file = path.join(paths.worker, 'config.capnp');
  fs.writeFileSync(file, config);
  const ca = fs.readFileSync(pki.caCertificate, 'utf8');
  const kubeconfig = kubeconfigText({
    name: 'tiffin',
    server: `https://127.0.0.1:${settings.port}`,
    token: fs.readFileSync(pki.adminToken, 'utf8').trim(),
    ca,
  });
  fs.writeFileSync(paths.kubeconfig, kubeconfig, { mode: 0o600 });
  const binary = workerdBinary();
  return {
    name: 'workerd',
    command: [binary, 'serve', file, 'config'],
    listens: listenAddresses(settings).map((host, i) => ({ name: socketName(i), host, port: settings.port })),
    env: {},
    fingerprint: fingerprintOf(
      config,
      binary,
      fs.readFileSync(pki.servingCertificate, 'utf8'),
      fs.readFileSync(pki.serviceAccountKey, 'utf8'),
      fs.readFileSync(pki.adminToken, 'utf8'),
      configurationText(paths),
    ),
  };
}
