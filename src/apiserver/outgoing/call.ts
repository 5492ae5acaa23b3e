// One call out of the API server, to what an administrator configured: bounded in time and in size, never redirected (a
// redirect would carry what was sent to somebody whom nobody configured), and told apart from an answer when it fails.

import type { Clock, Fetch, FetchOptions, Log, Timers } from '../../ports/index.ts';

/** What whoever calls out needs; without `fetch` nothing can be reached. */
export interface Outside {
  fetch: Fetch | undefined;
  timers: Timers;
  log: Log;
}

/** Without timers nothing that is called has a deadline. */
export const untimed = (clock: Clock): Timers => ({ now: () => clock.now(), after: () => () => {} });

export interface Outgoing extends FetchOptions {
  timeoutMs: number;
  bytesMax: number;
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

/** Rejects with an Error that says why: no answer in time, more than `bytesMax`, a redirect, or what the network says. */
export async function callOut(
  fetch: Fetch,
  timers: Timers,
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string },
  { timeoutMs, bytesMax, ...options }: Outgoing,
): Promise<Answered> {
  const controller = new AbortController();
  const { signal } = controller;
  const late = Promise.withResolvers<never>();
  const cancel = timers.after(timeoutMs, () => {
    late.reject(new Error(`no answer within ${timeoutMs} ms`));
    controller.abort();
  });
  const call = async (): Promise<Answered> => {
    const response = await fetch(new Request(url, { ...init, redirect: 'manual', signal }), options);
    if ((response.type as string) === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      response.body?.cancel().catch(() => {});
      throw new Error('redirects are not followed');
    }
    return { status: response.status, headers: response.headers, text: await textOf(response, bytesMax) };
  };
  try {
    const answer = call();
    // Whichever loses the race ends later, unheard.
    answer.catch(() => {});
    return await Promise.race([answer, late.promise]);
  } finally {
    cancel();
  }
}

async function textOf(response: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (!reader) return text;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > bytesMax) {
      // Not waited for: who sends too much may not let go, either.
      reader.cancel().catch(() => {});
      throw new Error(`the answer has more than ${bytesMax} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
