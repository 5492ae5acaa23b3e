// A node that asks, polls or streams more than an agent does: it is held back, and only it.
import { expect, it } from 'vitest';
import type { ApiError } from '../machinery/errors.ts';
import { NodeRequests } from './requests.ts';
import { OfferedStreams } from './streams.ts';

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

const offer = (id: string) => ({ id, kind: 'log', options: {} }) as never;
const mailbox = { offer() {}, withdraw() {} };
const kept = () => {
  const ids = new Set<string>();
  return {
    ids,
    all: () => [...ids],
    add: (id: string) => void ids.add(id),
    remove: (gone: string[]) => gone.forEach((id) => void ids.delete(id)),
  };
};

it('streams that wait for a node; those that nobody waits for any more make room', async () => {
  const clock = { ms: 0, now: () => clock.ms };
  const streams = new OfferedStreams(clock, { isJoined: async () => true, cut: async () => {} }, kept());
  for (let i = 0; i < 500; i++) streams.offer(mailbox, offer(`s${i}`), 1000);
  expect(() => streams.offer(mailbox, offer('x'), 1000)).toThrow(/^Too many requests/);
  streams.withdraw(mailbox, 's7');
  streams.offer(mailbox, offer('y'), 5000);
  expect(() => streams.offer(mailbox, offer('z'), 1000)).toThrow(/^Too many requests/);
  clock.ms = 1001;
  streams.offer(mailbox, offer('z'), 1000);
  await expect(streams.claim(mailbox, 's1', true)).rejects.toMatchObject({ reason: 'Gone' });
  await streams.claim(mailbox, 'y', true);
});

it('an offer leaves the mailbox when the agent comes for it, to take it or to refuse it, and with the credential', async () => {
  const waiting = new Set<string>();
  const box = {
    offer: ({ id }: { id: string }) => void waiting.add(id),
    withdraw: (id: string) => void waiting.delete(id),
  };
  const streams = new OfferedStreams(timers, { isJoined: async () => true, cut: async () => {} }, kept());
  for (const id of ['taken', 'refused', 'left', 'waits']) streams.offer(box, offer(id), 1000);
  await streams.claim(box, 'taken', true);
  await streams.claim(box, 'refused', false);
  streams.withdraw(box, 'left');
  expect([...waiting]).toEqual(['waits']);
  await streams.hangUp(box);
  expect([...waiting]).toEqual([]);
});

it('streams that were let in: what is over is forgotten, what is open counts', async () => {
  const cut: string[] = [];
  let over = (id: string): boolean => Number(id) % 2 === 0;
  const store = kept();
  const clock = { ms: 0, now: () => clock.ms };
  let asked = 0;
  const streams = new OfferedStreams(
    clock,
    {
      isJoined: async (id) => {
        asked++;
        return !over(id);
      },
      cut: async (id) => void cut.push(id),
    },
    store,
  );
  const open = async (id: number): Promise<void> => {
    streams.offer(mailbox, offer(String(id)), 1000);
    await streams.claim(mailbox, String(id), true);
  };
  for (let id = 0; id < 1400; id++) await open(id);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(store.ids.size).toBeLessThanOrEqual(1100);
  over = () => false;
  const before = asked;
  let id = 1400;
  const refused = async (): Promise<ApiError> => {
    for (; id < 4000; id++) {
      const error = await open(id).then(
        () => undefined,
        (error: ApiError) => error,
      );
      if (error) return error;
    }
    throw new Error('never refused');
  };
  // Many that come and go at once are asked about once, and not until those that are over can say so.
  expect(await refused()).toMatchObject({ reason: 'TooManyRequests' });
  expect([store.ids.size, asked]).toEqual([3000, before]);
  // Who is refused here can tell the client, who waits.
  await expect(streams.claim(mailbox, String(id), false)).resolves.toBeUndefined();
  clock.ms = 15_000;
  id++;
  expect(await refused()).toMatchObject({ reason: 'TooManyRequests' });
  expect(asked - before).toBeLessThan(3000);
  over = (id) => Number(id) % 2 === 0;
  clock.ms = 30_000;
  await open(5000);
  expect(store.ids.size).toBeLessThan(2000);
  await streams.hangUp(mailbox);
  expect(cut.length).toBeGreaterThan(900);
  expect(cut.length).toBeLessThan(2000);
  expect(store.ids.size).toBe(0);
  cut.length = 0;
  await streams.hangUp(mailbox);
  expect(cut).toEqual([]);
});
