import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { grpcHealth } from './grpc.ts';

const server = new grpc.Server();
let address = '';
/** `Health/Check` for strings up to 16383 bytes: serves '' and the long name, nothing else. */
const long = 'x'.repeat(200);

beforeAll(async () => {
  server.addService(
    {
      check: {
        path: '/grpc.health.v1.Health/Check',
        requestStream: false,
        responseStream: false,
        requestDeserialize: (b: Buffer) => ({ service: b.subarray(b.length > 129 ? 3 : 2).toString() }),
        requestSerialize: () => Buffer.alloc(0),
        responseSerialize: (status: number) => Buffer.from([0x08, status]),
        responseDeserialize: (b: Buffer) => b,
      },
    },
    {
      check: (call: { request: { service: string } }, done: (error: null, status: number) => void) =>
        done(null, ['', long].includes(call.request.service) ? 1 : 2),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (e, p) => (e ? reject(e) : resolve(p))),
  );
  address = `127.0.0.1:${port}`;
});
afterAll(() => server.forceShutdown());

test('the health check of a server, and of one of its services', async () => {
  expect(await grpcHealth(address, '', 2000)).toEqual({ outcome: 'success', output: 'service healthy' });
  expect(await grpcHealth(address, long, 2000)).toEqual({ outcome: 'success', output: 'service healthy' });
  expect(await grpcHealth(address, 'other', 2000)).toEqual({
    outcome: 'failure',
    output: 'service unhealthy (responded with "NOT_SERVING")',
  });
});

test('nobody answers', async () => {
  expect((await grpcHealth('127.0.0.1:9', '', 500)).outcome).toBe('failure');
});
