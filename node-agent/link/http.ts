// Fetch over node:https with one CA of its own (the global fetch cannot take one), kept-alive connections and no redirects. There
// is no other way out: what is to be called by plain http is not called at all, so that no credential is ever sent in the clear.
import https from 'node:https';
import tls from 'node:tls';
import type { Fetch } from '../../src/ports/index.ts';

export function nodeFetch(ca: string | undefined): Fetch {
  // A context, made once: certificates given as `ca` would be part of the key by which every request looks for its connection.
  const secureContext = ca ? tls.createSecureContext({ ca: [...tls.rootCertificates, ca] }) : undefined;
  const agent = new https.Agent({ keepAlive: true, maxSockets: 64, ...(secureContext ? { secureContext } : {}) });
  return async (request) => {
    const url = requireTls(request.url);
    const body = request.body ? Buffer.from(await request.arrayBuffer()) : undefined;
    const headers: Record<string, string> = Object.fromEntries(request.headers);
    if (body) headers['content-length'] = String(body.length);
    return new Promise<Response>((resolve, reject) => {
      const out = https.request(url, { method: request.method, headers, agent }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (c: Buffer) => chunks.push(c));
        answer.on('error', reject);
        answer.on('end', () => {
          const given = Object.entries(answer.headers).flatMap(([k, v]) =>
            typeof v === 'string' ? [[k, v] as [string, string]] : [],
          );
          const status = answer.statusCode ?? 502;
          resolve(
            new Response(status === 204 || status === 304 ? null : Buffer.concat(chunks), { status, headers: given }),
          );
        });
      });
      out.on('error', reject);
      const abort = (): void => void out.destroy(new Error('aborted'));
      if (request.signal.aborted) abort();
      request.signal.addEventListener('abort', abort, { once: true });
      out.on('close', () => request.signal.removeEventListener('abort', abort));
      out.end(body);
    });
  };
}

/** Throws for what is not https. */
export function requireTls(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== 'https:') throw new Error(`${url.origin}: the control plane is reached over https only`);
  return url;
}
