// The gRPC health check (grpc.health.v1.Health/Check), encoded by hand: one string in, one enum out.
import * as grpc from '@grpc/grpc-js';
import type { ProbeResult } from './probe.ts';

const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

function varint(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...varint(n >>> 7)];
}

export function grpcHealth(address: string, service: string, timeoutMs: number): Promise<ProbeResult> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  return new Promise((resolve) => {
    const name = Buffer.from(service);
    const serialize = (): Buffer =>
      name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
    const deserialize = (b: Buffer): number => (b[0] === 0x08 ? (b[1] ?? 0) : 0);
    const deadline = new Date(Date.now() + timeoutMs);
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      serialize,
      deserialize,
      undefined,
      new grpc.Metadata(),
      { deadline },
      (error, status) => {
        client.close();
        if (!error && status === 1) return resolve({ outcome: 'success', output: 'service healthy' });
        if (!error)
          return resolve({
            outcome: 'failure',
            output: `service unhealthy (responded with "${statuses[status ?? 0] ?? 'UNKNOWN'}")`,
          });
        if (error.code === grpc.status.UNIMPLEMENTED) {
          return resolve({
            outcome: 'failure',
            output:
              'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service grpc.health.v1.Health',
          });
        }
        if (error.code === grpc.status.DEADLINE_EXCEEDED) {
          return resolve({
            outcome: 'failure',
            output: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
          });
        }
        resolve({ outcome: 'failure', output: `error: health rpc probe failed: ${error.message}` });
      },
    );
  });
}
