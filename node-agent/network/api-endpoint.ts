// The `kubernetes` Service inside pods: terminates TLS with a certificate of the cluster's CA and forwards every request over
// the node's own dial-out. The pod's bearer token passes through untouched; the node's credential is never added.
// Watches stream; upgrades (WebSocket) are tunnelled. Away from the control plane it answers 503 as a Status.
import type http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Log } from '../../src/ports/index.ts';
import { hopByHop } from '../../src/protocol/hop-by-hop.ts';

export interface ApiEndpointOptions {
  address: string;
  port: number;
  /** Control plane, https://host:port */
  url: string;
  /** PEM of the CA that signed the control plane's own certificate; undefined: the system's. */
  upstreamCa?: string;
  key: string;
  certificate: string;
  log: Log;
}

export interface ApiEndpoint {
  /** Takes a renewed certificate into use; open connections keep the old one. */
  renew(key: string, certificate: string): void;
  stop(): Promise<void>;
}

const status503 = JSON.stringify({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'the control plane cannot be reached from this node',
  reason: 'ServiceUnavailable',
  details: { retryAfterSeconds: 1 },
  code: 503,
});

function endToEnd(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const dropped = hopByHop([headers.connection ?? '']);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

export async function startApiEndpoint(o: ApiEndpointOptions): Promise<ApiEndpoint> {
  const upstream = new URL(o.url);
  const agent = new https.Agent({
    keepAlive: true,
    maxSockets: Infinity,
    ...(o.upstreamCa ? { ca: o.upstreamCa } : {}),
  });

  const outgoing = (request: http.IncomingMessage, headers: http.OutgoingHttpHeaders): https.RequestOptions => ({
    agent,
    host: upstream.hostname,
    port: upstream.port || 443,
    method: request.method,
    path: request.url,
    headers: { ...headers, host: upstream.host },
  });

  const server = https.createServer({ key: o.key, cert: o.certificate }, (request, response) => {
    const forward = https.request(outgoing(request, endToEnd(request.headers)));
    forward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      // Without this the head of a watch that has nothing to say yet would wait for its first event.
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    forward.on('error', (error) => {
      if (response.headersSent) return void response.destroy();
      o.log.debug('API request not forwarded', { error: String(error) });
      response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
      response.end(status503);
    });
    response.on('close', () => forward.destroy());
    request.pipe(forward);
  });

  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    const forward = https.request(
      outgoing(request, { ...endToEnd(request.headers), connection: 'Upgrade', upgrade: request.headers.upgrade }),
    );
    const refuse = (): void => {
      socket.end(
        `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n${status503}`,
      );
    };
    forward.on('upgrade', (answer, far, farHead) => {
      const lines = Object.entries(answer.headers).flatMap(([k, v]) =>
        Array.isArray(v) ? v.map((x) => `${k}: ${x}`) : [`${k}: ${v}`],
      );
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      if (farHead.length) socket.write(farHead);
      if (head.length) far.write(head);
      far.pipe(socket).pipe(far);
      far.on('error', () => socket.destroy());
      socket.on('error', () => far.destroy());
    });
    forward.on('response', (answer) => {
      const lines = Object.entries(endToEnd(answer.headers)).map(([k, v]) => `${k}: ${v}`);
      socket.write(
        `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`,
      );
      answer.pipe(socket);
    });
    forward.on('error', refuse);
    socket.on('error', () => forward.destroy());
    forward.end();
  });
  server.on('tlsClientError', () => {});
  // Watches may be silent for long; the control plane bounds them.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 75_000;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(o.port, o.address, resolve);
  });
  return {
    renew: (key, certificate) => server.setSecureContext({ key, cert: certificate }),
    stop: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
