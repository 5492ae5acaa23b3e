import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { statePaths } from './paths.ts';
import { choosePort, claimInstance, rangesOf, releaseInstance, writeSettings } from './settings.ts';

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-settings-'));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
const registry = path.join(base, 'registry/instances');

function cluster(name: string, instance: number): string {
  const dir = path.join(base, name);
  fs.mkdirSync(dir, { recursive: true });
  writeSettings(statePaths(dir), { instance, port: 6443, listen: '127.0.0.1', nodes: 1, simulatedNodes: 0 });
  return dir;
}

describe('the registry of clusters on this machine', () => {
  test('gives each its own index, and the same one again', () => {
    const first = cluster('a', 0);
    const second = cluster('b', 1);
    expect(claimInstance(first, undefined, registry, [])).toBe(0);
    expect(claimInstance(second, undefined, registry, [])).toBe(1);
    expect(claimInstance(first, 0, registry, [])).toBe(0);
    expect(() => claimInstance(second, 0, registry, [])).toThrow(/in use by/);
  });

  test('skips ranges that the machine is on already', () => {
    expect(claimInstance(cluster('c', 3), undefined, registry, ['10.98.0.7', '192.0.2.1'])).toBe(3);
  });

  test('takes over the index of a directory that is gone', () => {
    fs.rmSync(path.join(base, 'a'), { recursive: true });
    const dir = cluster('d', 0);
    expect(claimInstance(dir, undefined, registry, [])).toBe(0);
    releaseInstance(dir, 0, registry);
    expect(fs.existsSync(path.join(registry, '0'))).toBe(false);
  });
});

test('ranges of different indexes do not meet', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 64; i++) {
    const { podCidr, serviceCidr, bridgeCidr } = rangesOf(i);
    for (const cidr of [podCidr, serviceCidr, bridgeCidr]) {
      expect(seen.has(cidr), cidr).toBe(false);
      seen.add(cidr);
    }
    expect(rangesOf(i).networkId(32).length).toBeLessThanOrEqual(8);
    expect(rangesOf(i).bridge.length).toBeLessThanOrEqual(15);
  }
});

test('a port in use is passed over, or refused when it was asked for', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  expect(await choosePort(port, ['127.0.0.1'], false)).toBeGreaterThan(port);
  await expect(choosePort(port, ['127.0.0.1'], true)).rejects.toThrow(/in use/);
  server.close();
});
