// The certificate with which a node serves the API to its own pods. Names and addresses are decided here; of the request
// only the public key counts. The signing itself is a port: X.509 is the rim's business.
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
  /** Throws an ApiError of reason BadRequest where the request is not a valid one. */
  sign(request: SignRequest): Promise<{ certificate: string; notAfter: string }>;
}

const servingLifetimeMs = 30 * 24 * 3600_000;

/** The first address of a CIDR range: of the service range, that of the `kubernetes` Service. */
export function firstAddress(cidr: string): string {
  const parts = (cidr.split('/')[0] ?? '').split('.').map(Number);
  const value = parts.reduce((sum, part) => sum * 256 + part, 0) + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

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
