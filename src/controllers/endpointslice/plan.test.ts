import { describe, expect, it } from 'vitest';
import type { Pod } from '../../generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../generated/schemas/discovery-v1.ts';
import type { Write } from '../../reconcile/types.ts';
import { meta, pod, service } from '../lib/testing.ts';
import { groupEndpoints } from './groups.ts';
import { planSlices } from './plan.ts';

const running = (count: number, from = 0): Pod[] =>
  Array.from({ length: count }, (_, i) =>
    pod(`p${from + i}`, { node: 'n1', readySince: 1, ip: `10.0.${Math.floor((from + i) / 250)}.${(from + i) % 250}` }),
  );

class Slices {
  slices: EndpointSlice[] = [];
  #made = 0;
  sync(pods: Pod[], of = service()): string[] {
    const writes = planSlices(
      { service: of, groups: groupEndpoints(of, pods, new Map([['n1', 'z1']])), triggerTime: undefined },
      this.slices,
    );
    return writes.map((write) => this.#apply(write));
  }
  #apply(write: Write): string {
    if (write.verb === 'create') {
      const slice = {
        ...write.object,
        metadata: { ...meta(`s${this.#made++}`), ...(write.object as EndpointSlice).metadata },
      } as EndpointSlice;
      this.slices.push(slice);
      return `create ${slice.endpoints?.length}`;
    }
    const name = write.verb === 'update' ? write.object.metadata.name : write.verb === 'delete' ? write.name : '';
    const index = this.slices.findIndex((slice) => slice.metadata.name === name);
    if (write.verb === 'update') this.slices[index] = write.object as EndpointSlice;
    else this.slices.splice(index, 1);
    return write.verb === 'update' ? `update ${(write.object as EndpointSlice).endpoints?.length}` : 'delete';
  }
}

describe('endpoints', () => {
  it('carry conditions, place and ports of their pods', () => {
    const named = service({ ports: [{ name: 'web', port: 80, targetPort: 'http', appProtocol: 'http2' }] });
    const target = pod('a', {
      node: 'n1',
      ip: '10.0.0.1',
      deleted: true,
      readySince: 1,
      spec: {
        hostname: 'h',
        subdomain: 'web',
        containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }],
      },
    });
    expect(groupEndpoints(named, [target], new Map([['n1', 'z1']]))).toEqual([
      {
        addressType: 'IPv4',
        ports: [{ name: 'web', port: 8080, protocol: 'TCP', appProtocol: 'http2' }],
        endpoints: [
          {
            addresses: ['10.0.0.1'],
            conditions: { ready: false, serving: true, terminating: true },
            hostname: 'h',
            nodeName: 'n1',
            targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
            zone: 'z1',
          },
        ],
      },
    ]);
  });
  it('may be published before they are ready', () => {
    const [group] = groupEndpoints(
      service({ publishNotReadyAddresses: true }),
      [pod('a', { ip: '10.0.0.1' })],
      new Map(),
    );
    expect(group?.endpoints[0]?.conditions).toEqual({ ready: true, serving: false, terminating: false });
  });
  it('leave out pods without an address and finished ones', () => {
    expect(
      groupEndpoints(service(), [pod('a'), pod('b', { ip: '10.0.0.2', phase: 'Succeeded' })], new Map())[0]?.endpoints,
    ).toEqual([]);
  });
});

describe('slices', () => {
  it('start with a placeholder, which the first endpoints take over', () => {
    const slices = new Slices();
    expect(slices.sync([])).toEqual(['create 0']);
    expect(slices.sync([])).toEqual([]);
    expect(slices.sync(running(2))).toEqual(['update 2']);
    expect(slices.sync([])).toEqual(['update 0']);
  });
  it('hold a hundred each, and only the changed one is written', () => {
    const slices = new Slices();
    expect(slices.sync(running(250))).toEqual(['create 100', 'create 100', 'create 50']);
    expect(slices.sync(running(250))).toEqual([]);
    expect(slices.sync(running(251))).toEqual(['update 51']);
    expect(slices.sync(running(250, 1))).toEqual(['update 99']);
    expect(slices.slices.flatMap((slice) => slice.endpoints ?? [])).toHaveLength(250);
  });
  it('follow the labels of their Service and say which it is', () => {
    const slices = new Slices();
    slices.sync(running(1));
    expect(slices.slices[0]?.metadata.labels).toEqual({
      team: 'a',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    const headless = service({ clusterIP: 'None' });
    expect(slices.sync(running(1), headless)).toEqual(['update 1']);
    expect(slices.slices[0]?.metadata.labels?.['service.kubernetes.io/headless']).toBe('');
  });
  it('of others are not touched', () => {
    const slices = new Slices();
    slices.slices = [
      {
        apiVersion: 'v1',
        kind: 'EndpointSlice',
        metadata: meta('theirs', { labels: { 'endpointslice.kubernetes.io/managed-by': 'me' } }),
        addressType: 'IPv4',
        endpoints: [],
      },
    ];
    expect(slices.sync(running(1))).toEqual(['create 1']);
  });
});
