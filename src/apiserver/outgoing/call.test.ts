import { expect, it } from 'vitest';
import { TestTimers } from '../testing.ts';
import { callOut } from './call.ts';

const bounds = { timeoutMs: 1000, bytesMax: 10 };
const call = (answer: Response, timers = new TestTimers()) =>
  callOut(async () => answer, timers, 'https://x.test/', {}, bounds);

it('answers with what was said', async () => {
  expect(await call(new Response('hellö', { status: 404 }))).toMatchObject({ status: 404, text: 'hellö' });
  expect(await call(new Response(null))).toMatchObject({ status: 200, text: '' });
});

it('reads no more than it may', async () => {
  await expect(call(new Response('x'.repeat(11)))).rejects.toThrow('the answer has more than 10 bytes');
});

it('does not follow redirects', async () => {
  let asked: Request | undefined;
  const fetch = async (request: Request) => {
    asked = request;
    return new Response(null, { status: 307, headers: { location: 'https://y.test/' } });
  };
  await expect(callOut(fetch, new TestTimers(), 'https://x.test/', {}, bounds)).rejects.toThrow('not followed');
  expect(asked?.redirect).toBe('manual');
});

it('waits no longer than it may, for a server that says nothing or never ends', async () => {
  for (const answer of [new Promise<Response>(() => {}), Promise.resolve(new Response(new ReadableStream({})))]) {
    const timers = new TestTimers();
    let signal: AbortSignal | undefined;
    const fetch = (request: Request) => {
      signal = request.signal;
      return answer;
    };
    const called = callOut(fetch, timers, 'https://x.test/', {}, bounds);
    timers.advance(1000);
    await expect(called).rejects.toThrow('no answer within 1000 ms');
    expect(signal?.aborted).toBe(true);
  }
});
