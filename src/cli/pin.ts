// The cluster's key as a join token names it: the SHA-256 of its SPKI, in hex, as kubeadm prints it. And the certificate of that
// key from a control plane whose own certificate nobody has vouched for yet: nothing secret is sent, and what comes is held
// against the hash.
import { createHash, X509Certificate } from 'node:crypto';
import https from 'node:https';
import { CliError } from './errors.ts';

const answerBytesMax = 64 * 1024;
const timeoutMs = 10_000;

export function certificateKeyHash(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}

/** The cluster's CA, PEM. Throws unless it has the key with this hash. */
export async function pinnedCa(url: string, pin: string): Promise<string> {
  const answer = await fetchUnverified(new URL('/tiffin.dev/v1/cluster', url));
  let shown: string;
  let ca: string;
  try {
    ca = (JSON.parse(answer) as { ca: string }).ca;
    shown = certificateKeyHash(ca);
  } catch {
    throw new CliError(`${url} is no control plane of Tiffin's: it shows no cluster key`);
  }
  if (shown !== pin)
    throw new CliError(
      `${url} is not the cluster that the token is for, or somebody is in between: its key is sha256:${shown}, not sha256:${pin}`,
    );
  return ca;
}

function fetchUnverified(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new CliError(`cannot reach ${url.origin}: ${error.message}`));
    const request = https.get(url, { rejectUnauthorized: false, timeout: timeoutMs, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > answerBytesMax) request.destroy(new Error('it says too much'));
      });
      response.on('end', () => resolve(text));
      response.on('error', fail);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', fail);
  });
}
