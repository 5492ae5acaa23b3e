import { describe, expect, it } from 'vitest';
import { pod, service } from '../lib/testing.ts';
import { planEndpoints, subsetsOf } from './plan.ts';

describe('subsets', () => {
  it('separate ready from not ready addresses under one set of ports', () => {
    const two = service({
      ports: [
        { name: 'b', port: 81 },
        { name: 'a', port: 80 },
      ],
    });
    const { subsets } = subsetsOf(two, [
      pod('y', { ip: '10.0.0.2', readySince: 1 }),
      pod('x', { ip: '10.0.0.1' }),
      pod('z', { ip: '10.0.0.3', deleted: true }),
    ]);
    expect(subsets).toMatchObject([
      {
        addresses: [{ ip: '10.0.0.2' }],
        notReadyAddresses: [{ ip: '10.0.0.1' }],
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 81 },
        ],
      },
    ]);
  });
  it('split where a named port differs', () => {
    const named = service({ ports: [{ port: 80, targetPort: 'http' }] });
    const withPort = (name: string, ip: string, containerPort: number) =>
      pod(name, {
        ip,
        readySince: 1,
        spec: { containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort }] }] },
      });
    expect(
      subsetsOf(named, [withPort('a', '10.0.0.1', 8080), withPort('b', '10.0.0.2', 9090)]).subsets.map(
        ({ ports }) => ports?.[0]?.port,
      ),
    ).toEqual([8080, 9090]);
  });
  it('stop at a thousand, ready ones first', () => {
    const pods = Array.from({ length: 1001 }, (_, i) =>
      pod(`p${i}`, { ip: `10.0.${Math.floor(i / 250)}.${i % 250}`, ...(i === 0 ? {} : { readySince: 1 }) }),
    );
    const { subsets, truncated } = subsetsOf(service(), pods);
    expect([subsets[0]?.addresses?.length, subsets[0]?.notReadyAddresses, truncated]).toEqual([1000, undefined, true]);
  });
});

describe('the object', () => {
  it('is written only when it differs', () => {
    const pods = [pod('a', { ip: '10.0.0.1', readySince: 1 })];
    const write = planEndpoints(service(), pods, undefined);
    expect(write).toMatchObject({
      verb: 'create',
      object: {
        metadata: { name: 'web', labels: { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
      },
    });
    const current = { apiVersion: 'v1', kind: 'Endpoints', ...(write as { object: object }).object } as Parameters<
      typeof planEndpoints
    >[2];
    expect(planEndpoints(service(), pods, current)).toBeUndefined();
    expect(planEndpoints(service(), [], current)).toMatchObject({ verb: 'update', object: { subsets: [] } });
  });
});
