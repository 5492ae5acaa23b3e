import { expect, it } from 'vitest';
import { TestLog, TestRandom, TestTimers } from '../../src/apiserver/testing.ts';
import type { ClusterInfo } from '../../src/protocol/node.ts';
import { type ControlPlane, LinkError } from './api.ts';
import { Credential } from './credential.ts';
import type { Identity } from './store.ts';

const lifetimeMs = 24 * 3600_000;
const cluster = { clusterDomain: 'c' } as ClusterInfo;

/** A control plane that knows one credential, and lets asking fail at will. */
function setUp(bootstrapToken?: string) {
  const timers = new TestTimers();
  const log = new TestLog();
  const disk: { identity?: Identity } = {};
  const world = { known: new Set<string>(), asked: [] as string[], lose: 0, tokens: new Set(['t']) };
  const answered = <T>(answer: T): T => {
    if (world.lose-- > 0) throw new LinkError(0, 'the answer got lost');
    return answer;
  };
  const api = {
    credential: '',
    async join(token: string, credential: string) {
      world.asked.push(`join ${token}`);
      if (!world.known.has(credential) && !world.tokens.delete(token)) throw new LinkError(401, 'Unauthorized');
      world.known.add(credential);
      return answered({ credential, cluster, lifetimeMs });
    },
    async renew(next: string, credential: string) {
      world.asked.push('renew');
      if (!world.known.has(credential)) throw new LinkError(401, 'Unauthorized');
      world.known.add(next);
      return answered({ lifetimeMs });
    },
  };
  const agent = () =>
    new Credential({
      api: api as unknown as ControlPlane,
      store: {
        identity: async () => disk.identity && structuredClone(disk.identity),
        saveIdentity: async (identity) => {
          disk.identity = structuredClone(identity);
        },
      },
      timers,
      random: new TestRandom(timers.ms % 1000),
      log,
      bootstrapToken,
    });
  return { timers, log, disk, world, api, agent };
}

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

it('joins once, also when the answer is lost', async () => {
  const { world, api, agent, disk } = setUp('t');
  world.lose = 1;
  const credential = agent();
  await expect(credential.join()).rejects.toThrow('lost');
  await credential.join();
  expect(world.known.size).toBe(1);
  expect(world.known.has(api.credential)).toBe(true);
  expect(disk.identity).toMatchObject({ credential: api.credential, cluster });
});

it('is renewed at two thirds of its life, and again with the same one after a lost answer and a crash', async () => {
  const { timers, world, api, agent } = setUp('t');
  const first = agent();
  await first.join();
  first.run();
  const old = api.credential;
  timers.advance(0.59 * lifetimeMs);
  await settle();
  expect(world.asked).toEqual(['join t']);
  world.lose = 1;
  timers.advance(0.12 * lifetimeMs);
  await settle();
  expect(api.credential).toBe(old);
  expect(world.known.size).toBe(2);
  first.stop();
  const second = agent();
  expect(await second.load()).toEqual(cluster);
  expect(api.credential).toBe(old);
  second.run();
  timers.advance(1);
  await settle();
  expect(world.known.size).toBe(2);
  expect(api.credential).not.toBe(old);
  expect(world.known.has(api.credential)).toBe(true);
});

it('that is refused is renewed, or the one before it, or bought anew; without any of it the node waits for a token', async () => {
  const { timers, world, api, agent, disk, log } = setUp('t');
  const one = agent();
  await one.join();
  const first = api.credential;
  one.run();
  timers.advance(0.71 * lifetimeMs);
  await settle();
  const second = api.credential;
  expect(second).not.toBe(first);
  // Expired, but good to be renewed.
  await one.refused();
  const third = api.credential;
  expect(third).not.toBe(second);
  // The control plane was restored from a copy that knows the one before alone.
  world.known = new Set([second]);
  await one.refused();
  expect(world.known.has(api.credential)).toBe(true);
  // Revoked, and there is another token.
  world.known.clear();
  world.tokens.add('t');
  await one.refused();
  expect(world.known.has(api.credential)).toBe(true);
  world.known.clear();
  await one.refused();
  await one.refused();
  expect(disk.identity?.refused).toBe(true);
  expect(log.errors).toHaveLength(1);
  one.stop();
});
