// A node that asks, polls or streams more than an agent does: it is held back, and only it.
import { expect, it } from 'vitest';
import type { ApiError } from '../machinery/errors.ts';
import { NodeRequests } from './requests.ts';
import { StreamRelay } from './streams.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const timers = { ms: 1_000_000, now: () => timers.ms, after: () => () => {} };
const request = (token: string, init: RequestInit = {}) =>
  new Request('https://link/tiffin.dev/v1/nodes/n1/sync', { headers: { authorization: `Bearer ${token}` }, ...init });

it('requests of a node: a thousand at once, a hundred a second', async () => {
  const api = { nodeOfCredential: async () => 'n1' } as never;
  const link = new NodeRequests(api, timers, () => undefined as never);
  const allowed = async (): Promise<number> => {
    let count = 0;
    for (let i = 0; i < 1500; i++)
      await link.authenticate(request('t'), 'n1').then(
        () => count++,
        (error: ApiError) => expect([error.code, error.details?.retryAfterSeconds]).toEqual([429, 1]),
      );
    return count;
  };
  expect(await allowed()).toBe(1000);
  timers.ms += 1000;
  expect(await allowed()).toBe(100);
});

it('who brings a bad credential takes nothing of it', async () => {
  const api = { nodeOfCredential: async (token: string) => (token === 'good' ? 'n1' : null) } as never;
  const link = new NodeRequests(api, timers, () => undefined as never);
  for (let i = 0; i < 2000; i++)
    await expect(link.authenticate(request('bad'), 'n1')).rejects.toMatchObject({ reason: 'Unauthorized' });
  await link.authenticate(request('good'), 'n1');
});

it('polls that are held', async () => {
  const core = { sync: () => new Promise(() => {}), heard() {} } as never;
  const link = new NodeRequests({} as never, timers, () => core);
  const poll = () => {
    const body = JSON.stringify({ session: 's', epoch: '', since: 0, serviceRevision: 0, waitMs: 1000 });
    return link.answer(request('t', { method: 'POST', body }), 'n1', 'sync');
  };
  const outcomes: unknown[] = [];
  for (let i = 0; i < 20; i++) poll().catch((error: ApiError) => outcomes.push(error.reason));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(outcomes).toEqual(Array(4).fill('TooManyRequests'));
});

it('streams of a node', async () => {
  const relay = new StreamRelay(timers, log);
  const link = { offer() {}, withdraw() {} };
  const open = (id: number) =>
    relay.open(
      { id: String(id), namespace: 'a', pod: 'p', uid: 'u', container: 'c', type: 'log', options: {} } as never,
      link,
      1000,
    );
  for (let i = 0; i < 500; i++) void open(i);
  const refused = await open(500);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await refused.json()).toMatchObject({ kind: 'Status', reason: 'TooManyRequests' });
});
