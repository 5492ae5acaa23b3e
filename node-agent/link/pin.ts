// The cluster's public key, known by its hash: what kubeadm prints as sha256:HEX, over the key's SPKI.
import { X509Certificate } from 'node:crypto';
import { keyHash } from '../../src/protocol/sealed.ts';

/** The key (SPKI) of a certificate that somebody shows; throws unless it is the one that was named. */
export async function pinnedKey(certificate: string, pin: string): Promise<Uint8Array> {
  let spki: Uint8Array;
  try {
    spki = new Uint8Array(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }));
  } catch {
    throw new Error('the control plane shows no certificate');
  }
  const shown = await keyHash(spki);
  if (shown !== pin)
    throw new Error(`this is not the cluster that the token is for: its key is sha256:${shown}, not sha256:${pin}`);
  return spki;
}
