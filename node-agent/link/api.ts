// The requests that the agent makes of the control plane, typed by the protocol. No retry, no state but the credential.
import type { TokenRequest } from '../../src/generated/schemas/authentication-v1.ts';
import type { Fetch, Timers } from '../../src/ports/index.ts';
import {
  type CertificateResponse,
  certificateResponse,
  type JoinResponse,
  joinResponse,
  type ReportRequest,
  type ReportResponse,
  reportResponse,
  type SyncRequest,
  type SyncResponse,
  syncResponse,
} from '../../src/protocol/node.ts';

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

  async join(token: string): Promise<JoinResponse> {
    return joinResponse.parse(await this.#post('/tiffin.dev/v1/join', { token, nodeName: this.nodeName }));
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

  async #post(path: string, body: unknown, timeoutMs = answerMarginMs, signal?: AbortSignal): Promise<unknown> {
    const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' };
    if (this.credential) headers.authorization = `Bearer ${this.credential}`;
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
          method: 'POST',
          headers,
          body: JSON.stringify(body),
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
