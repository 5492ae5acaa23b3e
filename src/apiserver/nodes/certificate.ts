// The certificate with which a node serves the API to its own pods. Names and addresses are decided here; of the request
// only the public key counts. The signing itself is a port: X.509 is the rim's business.
import { firstAddress } from '../../machinery/cidr.ts';
import type { ClusterConfig } from '../../ports/index.ts';

export interface SignRequest {
  /** PKCS#10, PEM; its signature is verified, its names are ignored. */
  csr: string;
  commonName: string;
  dnsNames: readonly string[];
  addresses: readonly string[];
  lifetimeMs: number;
}

export interface CertificateSigner {
  /** The cluster's CA, PEM. */
  readonly ca: string;
  /** What sealed messages are opened with. */
  agree(publicKey: Uint8Array): Promise<Uint8Array>;
  /** Throws an ApiError of reason BadRequest where the request is not a valid one. */
  sign(request: SignRequest): Promise<{ certificate: string; notAfter: string }>;
}

const servingLifetimeMs = 30 * 24 * 3600_000;

export function servingRequest(node: string, csr: string, config: ClusterConfig): SignRequest {
  const service = 'kubernetes.default.svc';
  return {
    csr,
    commonName: `kube-apiserver-on-${node}`.slice(0, 64),
    dnsNames: ['kubernetes', 'kubernetes.default', service, `${service}.${config.clusterDomain}`, 'localhost'],
    addresses: [firstAddress(config.serviceCidr), '127.0.0.1'],
    lifetimeMs: servingLifetimeMs,
  };
}
