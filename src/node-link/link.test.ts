import { describe, expect, it } from 'vitest';
import { defaultClusterConfig, type Timers } from '../ports/index.ts';
import type { SyncRequest } from '../protocol/node.ts';
import type { HttpOffer } from '../protocol/streams.ts';
import { type LinkState, NodeLinkCore, type NodeNews } from './link.ts';

/** Time that moves when told to; callbacks run in order. */
class TestTimers implements Timers {
  ms = 1_000_000;
  #queue: { at: number; run: () => void }[] = [];
  now(): number {
    return this.ms;
  }
  after(delayMs: number, run: () => void): () => void {
    const item = { at: this.ms + delayMs, run };
    this.#queue.push(item);
    return () => {
      this.#queue = this.#queue.filter((other) => other !== item);
    };
  }
  async advance(ms: number): Promise<void> {
    const until = this.ms + ms;
    for (;;) {
      const next = this.#queue.filter((item) => item.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#queue = this.#queue.filter((item) => item !== next);
      this.ms = next.at;
      next.run();
      await settle();
    }
    this.ms = until;
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function bench(state: LinkState = { node: 'n1', contact: 'unknown' }, timers = new TestTimers()) {
  const calls: string[] = [];
  let saves = 0;
  let alarmMs: number | undefined;
  let news: NodeNews = { epoch: 'e', revision: 5, reset: false, changes: [], drained: [] };
  let saved = state;
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const core = new NodeLinkCore({
    state,
    save: (next) => {
      saves++;
      saved = next;
    },
    timers,
    alarm: {
      set: (at) => {
        alarmMs = at;
      },
    },
    log: quiet,
    config: defaultClusterConfig,
    upstream: {
      changes: async (request) => {
        calls.push(`changes ${request.since} ${request.serviceRevision}`);
        return news;
      },
      silent: async (node, last) => void calls.push(`silent ${node} ${last}`),
      alive: async (node) => void calls.push(`alive ${node}`),
    },
  });
  return {
    core,
    timers,
    calls,
    saved: () => saved,
    saves: () => saves,
    alarmMs: () => alarmMs,
    say: (next: Partial<NodeNews>) => {
      news = { ...news, ...next };
    },
    fire: async () => {
      timers.ms = Math.max(timers.ms, alarmMs ?? timers.ms);
      alarmMs = undefined;
      await core.alarm();
      await settle();
    },
  };
}

const logOffer = { id: '1', kind: 'log', namespace: 'd', pod: 'p', podUid: 'u', container: 'c', options: {} } as const;
const poll: SyncRequest = { since: 5, epoch: 'e', serviceRevision: 0, waitMs: 5000, session: 's' };
const change = { type: 'put' as const, resource: 'pods', namespace: 'default', name: 'p', object: {} };

describe('a node link', () => {
  it('answers at once with news', async () => {
    const b = bench();
    b.say({ changes: [change] });
    const answer = await b.core.sync(poll);
    expect(answer).toMatchObject({ revision: 5, changes: [change], nextPollMs: 0 });
  });

  it('holds a poll until a poke brings news', async () => {
    const b = bench();
    let answered = false;
    const held = b.core.sync(poll).then((answer) => {
      answered = true;
      return answer;
    });
    await settle();
    b.core.poke(6);
    await settle();
    expect(answered).toBe(false);
    b.say({ revision: 7, changes: [change] });
    b.core.poke(7);
    expect(await held).toMatchObject({ revision: 7, changes: [change] });
  });

  it('answers empty after waitMs, and a heartbeat asks nobody', async () => {
    const b = bench();
    const held = b.core.sync(poll);
    await settle();
    await b.timers.advance(5000);
    expect(await held).toMatchObject({ revision: 5, changes: [], nextPollMs: defaultClusterConfig.nodeHeartbeatMs });
    expect(b.calls).toEqual(['alive n1', 'changes 5 0']);
    await b.core.sync({ ...poll, waitMs: 0 });
    expect(b.calls).toEqual(['alive n1', 'changes 5 0']);
  });

  it('passes an acknowledgement on', async () => {
    const b = bench();
    await b.core.sync({ ...poll, waitMs: 0 });
    await b.core.sync({ ...poll, waitMs: 0, serviceRevision: 4 });
    expect(b.calls.slice(1)).toEqual(['changes 5 0', 'changes 5 4']);
    expect(b.core.poke(9)).toEqual({ serviceRevision: 4 });
  });

  it('keeps the highest acknowledgement of a session, whatever order requests arrive in', async () => {
    const b = bench();
    await b.core.sync({ ...poll, waitMs: 0, serviceRevision: 5 });
    const late = b.core.sync({ ...poll, serviceRevision: 4 });
    await settle();
    expect(b.core.poke(6)).toEqual({ serviceRevision: 5 });
    await b.core.sync({ ...poll, serviceRevision: 4, waitMs: 0 });
    expect(b.core.poke(7)).toEqual({ serviceRevision: 5 });
    b.say({ revision: 7, changes: [change] });
    b.core.poke(7);
    await late;
    // A new life of the agent has an empty packet filter; another epoch's revisions mean nothing.
    await b.core.sync({ ...poll, waitMs: 0, session: 'next', serviceRevision: 2 });
    expect(b.core.poke(8)).toEqual({ serviceRevision: 2 });
    await b.core.sync({ ...poll, waitMs: 0, session: 'next', epoch: 'f', serviceRevision: 1 });
    expect(b.core.poke(9)).toEqual({ serviceRevision: 1 });
  });

  it('lets a newer poll replace an older one', async () => {
    const b = bench();
    const older = b.core.sync(poll);
    await settle();
    const newer = b.core.sync(poll);
    expect((await older).changes).toEqual([]);
    b.core.offer(logOffer, 2_000_000);
    expect((await newer).streams).toHaveLength(1);
  });

  describe('with an offer whose answer is lost', () => {
    const now: SyncRequest = { ...poll, waitMs: 0, offers: [] };
    const request: HttpOffer = {
      ...{ id: 'h', kind: 'http', target: { type: 'node' }, scheme: 'http', method: 'POST', path: '/' },
      ...{ headers: [], body: false, prefix: '' },
    };
    const ids = async (answer: Promise<{ streams: unknown[] }>) =>
      (await answer).streams.map((offer) => (offer as { id: string }).id);

    it('says it again until the agent has said that it has it', async () => {
      const b = bench();
      const held = b.core.sync({ ...now, waitMs: 5000 });
      await settle();
      b.core.offer(logOffer, 2_000_000);
      expect(await ids(held)).toEqual(['1']);
      b.core.offer({ ...logOffer, id: '2' }, 2_000_000);
      expect(await ids(b.core.sync(now))).toEqual(['1', '2']);
      expect(await ids(b.core.sync({ ...now, offers: ['1', 'x', '__proto__'] }))).toEqual(['2']);
      // No poll comes back at once because of what the agent has.
      let answered = false;
      void b.core.sync({ ...now, waitMs: 5000, offers: ['2'] }).then(() => {
        answered = true;
      });
      await settle();
      expect(answered).toBe(false);
    });

    it('does not once it was claimed or withdrawn, or its time is over', async () => {
      const b = bench();
      for (const id of ['1', '2', '3']) b.core.offer({ ...logOffer, id }, b.timers.now() + (id === '3' ? 2000 : 1000));
      expect(await ids(b.core.sync(now))).toEqual(['1', '2', '3']);
      b.core.withdraw('1');
      expect(await ids(b.core.sync(now))).toEqual(['2', '3']);
      await b.timers.advance(1500);
      expect(await ids(b.core.sync(now))).toEqual(['3']);
    });

    it('tells the next life of the agent, but for a request that may have been made already', async () => {
      const b = bench();
      b.core.offer(logOffer, 2_000_000);
      b.core.offer(request, 2_000_000);
      expect(await ids(b.core.sync(now))).toEqual(['1', 'h']);
      await b.core.sync({ ...now, offers: ['1', 'h'] });
      expect(await ids(b.core.sync({ ...now, session: 'next' }))).toEqual(['1']);
      expect(await ids(b.core.sync({ ...now, session: 'next', offers: ['1'] }))).toEqual([]);
    });

    it('tells an agent of an earlier version once', async () => {
      const b = bench();
      b.core.offer(logOffer, 2_000_000);
      const { offers: _, ...earlier } = now;
      expect(await ids(b.core.sync(earlier))).toEqual(['1']);
      expect(await ids(b.core.sync(earlier))).toEqual([]);
    });
  });

  it('takes an acknowledgement beside a held poll without ending it', async () => {
    const b = bench();
    let ended = false;
    const held = b.core.sync(poll).then((answer) => {
      ended = true;
      return answer;
    });
    await settle();
    await b.core.sync({ ...poll, waitMs: 0, serviceRevision: 5 });
    await settle();
    expect(ended).toBe(false);
    b.say({ revision: 6, changes: [change] });
    b.core.poke(6);
    expect((await held).changes).toHaveLength(1);
    expect(b.calls.slice(-2)).toEqual(['changes 5 5', 'changes 5 5']);
  });

  it('tells of drained pods once', async () => {
    const b = bench();
    b.say({ drained: ['u1'] });
    expect((await b.core.sync(poll)).drained).toEqual(['u1']);
    b.core.poke(6);
    expect((await b.core.sync({ ...poll, waitMs: 0 })).drained).toEqual([]);
    // A new life of the agent is told again.
    expect((await b.core.sync({ ...poll, waitMs: 0, session: 'next' })).drained).toEqual(['u1']);
  });

  it('tells of silence after the grace period, then of the return, and writes nothing in between', async () => {
    const b = bench();
    await b.core.sync({ ...poll, waitMs: 0 });
    await settle();
    expect(b.saved().contact).toBe('alive');
    const contact = b.timers.now();
    expect(b.alarmMs()).toBe(contact + defaultClusterConfig.nodeGraceMs);
    await b.timers.advance(15_000);
    await b.core.sync({ ...poll, waitMs: 0 });
    await b.fire();
    expect(b.calls.filter((call) => call.startsWith('silent'))).toEqual([]);
    expect(b.alarmMs()).toBe(contact + 15_000 + defaultClusterConfig.nodeGraceMs);
    await b.fire();
    expect(b.calls.at(-1)).toBe(`silent n1 ${contact + 15_000}`);
    expect(b.saved()).toEqual({ node: 'n1', contact: 'silent', lastContactMs: contact + 15_000 });
    expect(b.alarmMs()).toBeUndefined();
    await b.core.sync({ ...poll, waitMs: 0 });
    expect(b.calls.at(-1)).toBe('alive n1');
  });

  it('counts silence from its own start', async () => {
    const b = bench({ node: 'n1', contact: 'alive' });
    await b.core.alarm();
    expect(b.calls).toEqual([]);
    expect(b.alarmMs()).toBe(b.timers.now() + defaultClusterConfig.nodeGraceMs);
    expect(b.core.lastContact()).toBe(b.timers.now());
  });

  /** The link is evicted and rebuilt by a poke every 5 s, its alarm served in between, until silence is told. */
  const evictions = async (first: LinkState, timers: TestTimers, untilMs: number) => {
    let state = first;
    let saves = 0;
    let next: number | undefined;
    while (timers.ms < untilMs) {
      const b = bench(state, timers);
      b.core.poke(1);
      next = b.alarmMs() ?? next;
      const pokedMs = timers.ms + 5000;
      if (next !== undefined && next < pokedMs) {
        await b.fire();
        next = b.alarmMs();
      }
      timers.ms = Math.max(timers.ms, pokedMs);
      state = b.saved();
      saves += b.saves();
      if (b.calls.some((call) => call.startsWith('silent'))) return { state, saves, calls: b.calls };
    }
    return { state, saves, calls: [] };
  };

  it('tells of silence even where it is rebuilt by pokes all the time', async () => {
    const { nodeGraceMs, nodeHeartbeatMs } = defaultClusterConfig;
    const timers = new TestTimers();
    const start = timers.now();
    const end = await evictions({ node: 'n1', contact: 'alive' }, timers, start + 10 * nodeGraceMs);
    expect(end.calls).toContain(`silent n1 ${start}`);
    expect(end.state).toEqual({ node: 'n1', contact: 'silent', lastContactMs: start });
    expect(timers.now() - start).toBeLessThanOrEqual(nodeGraceMs + nodeHeartbeatMs + 10_000);
    // The start, the extra wait, the silence.
    expect(end.saves).toBeLessThanOrEqual(3);
  });

  it('forgets its first start at a contact, with one write, and counts afresh in the next life', async () => {
    const timers = new TestTimers();
    const b = bench({ node: 'n1', contact: 'alive' }, timers);
    expect(b.saved().unheard?.sinceMs).toBe(timers.now());
    for (let i = 0; i < 5; i++) b.core.heard();
    expect(b.saved()).toEqual({ node: 'n1', contact: 'alive' });
    expect(b.saves()).toBe(2);
    timers.ms += 1000 * defaultClusterConfig.nodeGraceMs;
    expect(bench(b.saved(), timers).core.lastContact()).toBe(timers.now());
  });

  it('never tells of silence because the control plane was away', async () => {
    const { nodeGraceMs, nodeHeartbeatMs } = defaultClusterConfig;
    const timers = new TestTimers();
    const start = timers.now();
    const before = bench({ node: 'n1', contact: 'alive' }, timers);
    // Away beyond the deadline: the alarm comes late, in a new life.
    timers.ms = start + 10 * nodeGraceMs;
    const after = bench(before.saved(), timers);
    await after.core.alarm();
    expect(after.calls).toEqual([]);
    expect(after.core.lastContact()).toBe(timers.now());
    expect(after.alarmMs()).toBe(timers.now() + nodeGraceMs);
    // Back just before the deadline: the agent gets the time to come back.
    timers.ms = start + nodeGraceMs - 100;
    const late = bench(before.saved(), timers);
    await late.fire();
    expect(late.calls).toEqual([]);
    expect(late.alarmMs()).toBe(start + nodeGraceMs - 100 + nodeHeartbeatMs);
    late.core.heard();
    await late.fire();
    expect(late.calls.filter((call) => call.startsWith('silent'))).toEqual([]);
  });

  it('survives an alarm that got lost: in an earlier life, or in this one', async () => {
    const { nodeGraceMs } = defaultClusterConfig;
    const again = bench({ node: 'n1', contact: 'alive' });
    expect(again.alarmMs()).toBe(again.timers.now() + nodeGraceMs);
    const b = bench();
    b.core.heard();
    const lost = b.alarmMs();
    b.timers.ms += 2 * nodeGraceMs;
    b.core.heard();
    expect(b.alarmMs()).toBe(lost);
    b.timers.ms += 1;
    b.core.heard();
    expect(b.alarmMs()).toBe(b.timers.now() + nodeGraceMs);
  });
});
