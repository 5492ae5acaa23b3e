// `tiffin node revoke`: the node's credential is gone at once, with whatever it has open; its Node is cordoned and stays, for the
// cluster to move what ran there. It comes back with a new token only.
import { Api, type TargetOptions, targetOf } from '../api.ts';

export async function nodeRevoke(name: string, options: TargetOptions): Promise<void> {
  const api = new Api(targetOf(options));
  try {
    await api.json('DELETE', `/tiffin.dev/v1/credentials/${encodeURIComponent(name)}`);
  } finally {
    api.close();
  }
  console.log(`node ${name}: credential revoked, node cordoned; it joins again with a new token only
once it has: kubectl uncordon ${name}; to have it forgotten: kubectl delete node ${name}`);
}
