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

/** As they come: let in one after another, at a rate. */
const letIn = (isJoined: (id: string, nowMs: number) => boolean) => {
  const clock = { ms: 0, now: () => clock.ms };
  const store = kept();
  const asked = new Map<string, number[]>();
  const cut: string[] = [];
  const meetings = {
    isJoined: async (id: string) => {
      asked.set(id, [...(asked.get(id) ?? []), clock.ms]);
      return isJoined(id, clock.ms);
    },
    cut: async (id: string) => void cut.push(id),
  };
  const streams = new OfferedStreams(clock, meetings, store);
  let next = 0;
  const open = async (): Promise<ApiError | undefined> => {
    const id = String(next++);
    streams.offer(mailbox, offer(id), 1000);
    return streams.claim(mailbox, id, true).then(
      () => undefined,
      (error: ApiError) => error,
    );
  };
  return { clock, store, asked, cut, streams, open, last: () => String(next - 1) };
};

it('streams that come and go quickly are never too many, are forgotten, and are asked about seldom', async () => {
  const { clock, store, asked, open } = letIn(() => false);
  const refused: unknown[] = [];
  for (let i = 0; i < 15_000; i++) {
    const error = await open();
    if (error) refused.push(error);
    if (i % 30 === 0) clock.ms += 100;
  }
  expect(refused).toEqual([]);
  // At 300 a second, those of fifteen seconds are not asked about yet.
  expect(store.ids.size).toBeLessThan(15 * 300 + 2000);
  for (const times of asked.values()) expect(times).toHaveLength(1);
});

it('streams that stay are counted: who is too many can say so; nobody is asked about more often than every 15 s', async () => {
  let over = (_id: string): boolean => false;
  const { clock, store, asked, cut, streams, open, last } = letIn((id) => !over(id));
  for (let i = 0; i < 9999; i++) await open();
  expect(await open()).toBeUndefined();
  expect(await open()).toMatchObject({ reason: 'TooManyRequests' });
  expect(store.ids.size).toBe(10_000);
  // The client, who waits, is told.
  await expect(streams.claim(mailbox, last(), false)).resolves.toBeUndefined();
  clock.ms = 15_000;
  for (let i = 0; i < 100; i++) expect(await open()).toMatchObject({ reason: 'TooManyRequests' });
  expect(Math.max(...[...asked.values()].map((times) => times.length))).toBe(1);
  over = (id) => Number(id) % 2 === 0;
  clock.ms = 30_000;
  for (let i = 0; i < 100; i++) expect(await open()).toBeUndefined();
  expect(store.ids.size).toBeLessThan(6000);
  const before = store.ids.size;
  await streams.hangUp(mailbox);
  expect([cut.length, store.ids.size]).toEqual([before, 0]);
  await streams.hangUp(mailbox);
  expect(cut).toHaveLength(before);
});

it('a stream that is offered lets its node ask: a thousand streams a second are no requests too many', async () => {
  const link = new NodeRequests({ nodeOfCredential: async () => 'n1' } as never, timers, () => undefined as never);
  const ask = () => link.authenticate(request('t'), 'n1');
  for (let second = 0; second < 20; second++) {
    for (let wave = 0; wave < 2; wave++) {
      for (let i = 0; i < 500; i++) link.streamOffered();
      for (let i = 0; i < 1000; i++) await ask();
    }
    timers.ms += 1000;
  }
  // And no more than that.
  for (let i = 0; i < 500; i++) link.streamOffered();
  for (let i = 0; i < 1000; i++) await ask();
  await expect(ask()).rejects.toMatchObject({ reason: 'TooManyRequests' });
});
