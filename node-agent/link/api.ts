// The requests that the agent makes of the control plane, typed by the protocol. No retry, no state but the credential.
import type { TokenRequest } from '../../src/generated/schemas/authentication-v1.ts';
import type { Fetch, Timers } from '../../src/ports/index.ts';
import {
  type CertificateResponse,
  certificateResponse,
  clusterAnswer,
  type JoinResponse,
  joinResponse,
  type RenewResponse,
  type ReportRequest,
  type ReportResponse,
  renewResponse,
  reportResponse,
  type SyncRequest,
  type SyncResponse,
  sealedMessage,
  syncResponse,
} from '../../src/protocol/node.ts';
import { parsePinnedToken, seal } from '../../src/protocol/sealed.ts';
import { pinnedKey } from './pin.ts';

/** An answer that is no success. `code` 0: no answer at all. */
export class LinkError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const answerMarginMs = 15_000;

export class ControlPlane {
  readonly url: string;
  readonly nodeName: string;
  credential = '';
  readonly #fetch: Fetch;
  readonly #timers: Timers;

  constructor(url: string, nodeName: string, fetch: Fetch, timers: Timers) {
    this.#timers = timers;
    this.url = url.replace(/\/$/, '');
    this.nodeName = nodeName;
    this.#fetch = fetch;
  }

  /**
   * `token` may name the cluster's key: then only the holder of that key can read what is sent, and nothing is sent to one who
   * shows another.
   */
  async join(token: string, credential: string): Promise<JoinResponse> {
    const path = '/tiffin.dev/v1/join';
    const parsed = parsePinnedToken(token);
    const request = { token: parsed?.token ?? token, nodeName: this.nodeName, credential };
    if (!parsed?.pin) return joinResponse.parse(await this.#post(path, request));
    const { ca } = clusterAnswer.parse(await this.#send('GET', '/tiffin.dev/v1/cluster', undefined));
    const { message, open } = await seal(await pinnedKey(ca, parsed.pin), request);
    const joined = joinResponse.parse(await open(sealedMessage.parse(await this.#post(path, message))));
    if (joined.cluster.ca !== ca) throw new LinkError(502, 'the control plane changed its key while the node joined');
    return joined;
  }

  /** Lets `next` succeed a credential. */
  async renew(next: string, credential: string): Promise<RenewResponse> {
    return renewResponse.parse(
      await this.#send('POST', '/tiffin.dev/v1/renew', { credential: next }, answerMarginMs, undefined, credential),
    );
  }

  async sync(request: SyncRequest, signal?: AbortSignal): Promise<SyncResponse> {
    return syncResponse.parse(await this.#post(this.#path('sync'), request, request.waitMs + answerMarginMs, signal));
  }

  async report(request: ReportRequest): Promise<ReportResponse> {
    return reportResponse.parse(await this.#post(this.#path('report'), request));
  }

  async certificate(csr: string): Promise<CertificateResponse> {
    return certificateResponse.parse(await this.#post(this.#path('certificate'), { csr }));
  }

  /** A token bound to a pod, on the ordinary API. */
  async token(
    namespace: string,
    serviceAccount: string,
    pod: { name: string; uid: string },
    audience: string | undefined,
    expirationSeconds: number,
  ): Promise<{ token: string; expiresAtMs: number }> {
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid },
      },
    };
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`;
    const { status } = (await this.#post(path, body)) as TokenRequest;
    if (!status?.token) throw new LinkError(500, 'the answer to a TokenRequest holds no token');
    return { token: status.token, expiresAtMs: Date.parse(status.expirationTimestamp ?? '') };
  }

  #path(verb: string): string {
    return `/tiffin.dev/v1/nodes/${encodeURIComponent(this.nodeName)}/${verb}`;
  }

  #post(path: string, body: unknown, timeoutMs = answerMarginMs, signal?: AbortSignal): Promise<unknown> {
    return this.#send('POST', path, body, timeoutMs, signal, this.credential);
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    timeoutMs = answerMarginMs,
    signal?: AbortSignal,
    credential = '',
  ): Promise<unknown> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (credential) headers.authorization = `Bearer ${credential}`;
    // One controller for both ends, held by its timer: a signal made of others may be collected while it is waited for.
    const limit = new AbortController();
    const stopLimit = this.#timers.after(timeoutMs, () => limit.abort(new Error('no answer in time')));
    const give = (): void => limit.abort(new Error('stopped'));
    if (signal?.aborted) give();
    signal?.addEventListener('abort', give);
    let answer: Response;
    let text: string;
    try {
      answer = await this.#fetch(
        new Request(this.url + path, {
          method,
          headers,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: limit.signal,
        }),
      );
      text = await answer.text();
    } catch (error) {
      throw new LinkError(0, error instanceof Error ? error.message : String(error));
    } finally {
      stopLimit();
      signal?.removeEventListener('abort', give);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    if (answer.ok && parsed !== undefined) return parsed;
    const message = (parsed as { message?: string } | undefined)?.message ?? text.slice(0, 300);
    throw new LinkError(answer.ok ? 502 : answer.status, message);
  }
}
