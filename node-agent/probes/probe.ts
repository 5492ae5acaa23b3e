// One execution of a probe handler against a container: http, tcp, exec or grpc. Success, failure, or unknown when the agent
// itself could not tell (which counts as nothing). The words are the kubelet's.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Container, Probe } from '../../src/generated/schemas/core-v1.ts';
import { errnoText } from '../errno.ts';
import { hostPort } from '../host-port.ts';
import { type Runtime, RuntimeError } from '../runtime.ts';
import { grpcHealth } from './grpc.ts';

export interface ProbeResult {
  outcome: 'success' | 'failure' | 'unknown';
  output: string;
}

export interface ProbeTarget {
  container: Container;
  containerId: string;
  podIp: string;
}

export interface Prober {
  run(probe: Probe, target: ProbeTarget): Promise<ProbeResult>;
}

const outputBytesMax = 10 * 1024;

export function portOf(port: string | number, container: Container): number | undefined {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  return container.ports?.find((p) => p.name === port)?.containerPort;
}

/** Probes through the runtime and the node's own network. */
export class NodeProber implements Prober {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async run(probe: Probe, target: ProbeTarget): Promise<ProbeResult> {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    if (probe.exec) return this.#exec(probe.exec.command ?? [], probe.timeoutSeconds ?? 1, target);
    const host = (h: string | undefined): string => h || target.podIp;
    if (probe.httpGet) {
      const port = portOf(probe.httpGet.port, target.container);
      if (port === undefined) return { outcome: 'unknown', output: `couldn't find port: ${probe.httpGet.port}` };
      return probeHttp({ ...probe.httpGet, host: host(probe.httpGet.host), port }, timeoutMs);
    }
    if (probe.tcpSocket) {
      const port = portOf(probe.tcpSocket.port, target.container);
      if (port === undefined) return { outcome: 'unknown', output: `couldn't find port: ${probe.tcpSocket.port}` };
      return probeTcp(host(probe.tcpSocket.host), port, timeoutMs);
    }
    if (probe.grpc) return grpcHealth(`${target.podIp}:${probe.grpc.port}`, probe.grpc.service ?? '', timeoutMs);
    return { outcome: 'unknown', output: 'missing probe handler' };
  }

  async #exec(command: readonly string[], timeoutSeconds: number, target: ProbeTarget): Promise<ProbeResult> {
    try {
      const r = await this.#runtime.exec(target.containerId, command, timeoutSeconds);
      const output = Buffer.concat([r.stdout, r.stderr]).subarray(0, outputBytesMax).toString('utf8');
      return { outcome: r.exitCode === 0 ? 'success' : 'failure', output };
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'DEADLINE_EXCEEDED') {
        return {
          outcome: 'failure',
          output: `command timed out: "${command.join(' ')}" timed out after ${timeoutSeconds}s`,
        };
      }
      return { outcome: 'unknown', output: error instanceof Error ? error.message : String(error) };
    }
  }
}

export interface HttpTarget {
  host: string;
  port: number;
  path?: string;
  scheme?: string;
  httpHeaders?: readonly { name: string; value: string }[];
}

export function urlOf(t: HttpTarget): string {
  const path = t.path?.startsWith('/') ? t.path : `/${t.path ?? ''}`;
  return `${t.scheme === 'HTTPS' ? 'https' : 'http'}://${hostPort(t)}${path}`;
}

/** Those that Go's client follows. */
const redirects = new Set([301, 302, 303, 307, 308]);
const requestsMax = 10;

/** A GET that follows no redirect to another host and checks no certificate. All hops together have the time. */
export async function probeHttp(t: HttpTarget, timeoutMs: number): Promise<ProbeResult> {
  const given = (t.httpHeaders ?? []).map((h): [string, string] => [h.name.toLowerCase(), h.value]);
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' };
  for (const [name, value] of given) headers[name] = value;
  const signal = AbortSignal.timeout(timeoutMs);
  let url = urlOf(t);
  const { hostname } = new URL(url);
  const failure = (why: string): ProbeResult => ({ outcome: 'failure', output: `Get "${url}": ${why}` });
  for (let asked = 1; ; asked++) {
    let answer: { code: number; location: string | undefined };
    try {
      answer = await get(url, headers, signal);
    } catch (error) {
      if (signal.aborted) return failure('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
      return failure(dialMessage(error as Error, addressOf(url)));
    }
    const { code, location } = answer;
    if (!location || !redirects.has(code))
      return code >= 200 && code < 400
        ? { outcome: 'success', output: '' }
        : { outcome: 'failure', output: `HTTP probe failed with statuscode: ${code}` };
    // The container may say anything.
    const next = URL.parse(location, url);
    if (!next) return failure(`failed to parse Location header ${JSON.stringify(location)}`);
    // Redirected elsewhere: good enough, with a warning, as upstream has it.
    if (next.hostname !== hostname) return { outcome: 'success', output: 'Probe terminated redirects' };
    if (asked === requestsMax) return failure(`stopped after ${requestsMax} redirects`);
    url = next.href;
    if (!/^https?:$/.test(next.protocol)) return failure(`unsupported protocol scheme "${next.protocol.slice(0, -1)}"`);
  }
}

function get(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<{ code: number; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const request = client.get(url, { headers, agent: false, rejectUnauthorized: false, signal });
    request.on('error', reject);
    request.once('response', ({ statusCode = 0, headers: { location } }) => {
      resolve({ code: statusCode, location });
      request.destroy();
    });
  });
}

function addressOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

export function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  const address = hostPort({ host, port });
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const end = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end({ outcome: 'failure', output: `dial tcp ${address}: i/o timeout` }));
    socket.on('connect', () => end({ outcome: 'success', output: '' }));
    socket.on('error', (error) => end({ outcome: 'failure', output: dialMessage(error, address) }));
  });
}

function dialMessage({ code, message }: NodeJS.ErrnoException, address: string): string {
  if (code === 'ECONNRESET') return message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer';
  const known = errnoText(code);
  return known ? `dial tcp ${address}: connect: ${known}` : message;
}
