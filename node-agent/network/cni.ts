// The CNI configuration of a node: one bridge, one address range. Written by rename, so that containerd, which watches the
// folder, never reads half a file. Masquerading and host ports are the packet filter's, not CNI's.
import fs from 'node:fs/promises';
import path from 'node:path';

export interface CniOptions {
  confDir: string;
  /** Where addresses in use are remembered; must not survive a reboot, or addresses leak. */
  ipamDir: string;
  bridge: string;
  podCidr: string;
}

export function cniConfig(o: CniOptions): string {
  return JSON.stringify(
    {
      cniVersion: '1.0.0',
      name: 'tiffin',
      plugins: [
        {
          type: 'bridge',
          bridge: o.bridge,
          isGateway: true,
          hairpinMode: true,
          ipMasq: false,
          ipam: {
            type: 'host-local',
            dataDir: o.ipamDir,
            ranges: [[{ subnet: o.podCidr }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
      ],
    },
    null,
    2,
  );
}

export async function writeCniConfig(o: CniOptions): Promise<void> {
  const file = path.join(o.confDir, '10-tiffin.conflist');
  const text = cniConfig(o);
  if ((await fs.readFile(file, 'utf8').catch(() => '')) === text) return;
  await fs.mkdir(o.confDir, { recursive: true });
  await fs.writeFile(`${file}.new`, text, { mode: 0o600 });
  await fs.rename(`${file}.new`, file);
}
