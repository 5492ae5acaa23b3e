// The process that network.host.test.ts runs inside a network namespace: a node's network with a fixed view and a CA of its own.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import fs from 'node:fs';
import * as x509 from '@peculiar/x509';
import type { Pod, Service } from '../../../src/generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../../src/generated/schemas/discovery-v1.ts';
import { createNetwork } from '../index.ts';

const directory = process.argv[2] as string;
const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
const ca = await x509.X509CertificateGenerator.createSelfSigned({
  name: 'CN=test',
  keys,
  signingAlgorithm,
  extensions: [new x509.BasicConstraintsExtension(true)],
});
fs.writeFileSync(`${directory}/ca.pem`, ca.toString('pem'));

const metadata = (name: string, labels: Record<string, string> = {}) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels,
});
const service = (name: string, clusterIP: string, nodePort?: number): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(name),
  status: {},
  spec: {
    clusterIP,
    clusterIPs: [clusterIP],
    ports: [{ port: 80, protocol: 'TCP', ...(nodePort ? { nodePort } : {}) }],
  },
});
const slices: EndpointSlice[] = [
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: metadata('web-1', { 'kubernetes.io/service-name': 'web' }),
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: ['10.244.1.7', '10.244.1.9'].map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  },
];
const pods: Pod[] = ['10.244.1.7', '10.244.1.9'].map((podIP, i) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(`p${i}`),
  status: { phase: 'Running', podIP },
  spec: { containers: [{ name: 'c', ports: i === 0 ? [{ containerPort: 8080, hostPort: 8081 }] : [] }] },
}));

const network = createNetwork(
  {
    nodeName: 'n1',
    url: 'https://127.0.0.1:1',
    stateDir: directory,
    runDir: directory,
    address: '127.0.0.1',
    networkId: 't',
    containerd: { socket: '', cniConfDir: `${directory}/cni`, cniBinDir: '' },
  },
  {
    log: { debug() {}, info() {}, warn: (m, f) => console.error(m, f), error: (m, f) => console.error(m, f) },
    async sign(csr) {
      const request = new x509.Pkcs10CertificateRequest(csr);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: request.subject,
        issuer: ca.subject,
        publicKey: await request.publicKey.export(),
        signingKey: keys.privateKey,
        signingAlgorithm,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '10.96.0.1' }])],
      });
      return {
        certificate: certificate.toString('pem'),
        ca: ca.toString('pem'),
        notAfter: certificate.notAfter.toISOString(),
      };
    },
  },
);
await network.start({
  clusterDomain: 'cluster.local',
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  ca: '',
  heartbeatMs: 1000,
  longPoll: 'always',
});
await network.setPodCidr('10.244.1.0/24');
await network.apply({
  services: [service('web', '10.96.0.50', 30080), service('idle', '10.96.0.51')],
  slices,
  nodes: [],
  pods,
});
console.log('ready');
