// The short run of the torture: a seed of its own each time, printed; `node test/streams/main.ts --seed S` goes on with it.
import { expect, test } from 'vitest';
import { Rig } from './rig.ts';
import { prepare, resources, torture } from './torture.ts';

test('streams that are cut anywhere: prefixes, ends on both sides, nothing left open', {
  timeout: 90_000,
}, async () => {
  const seed = Math.floor(Math.random() * 1e9);
  console.log(`torture of streams, seed ${seed}`);
  const { TCPSocketWrap: sockets = 0, TCPServerWrap: servers = 0 } = resources();
  const rig = new Rig();
  try {
    await rig.up();
    const plan = { seed, streams: 40, atOnce: 12, disasters: true };
    const { problems, counts } = await torture(rig, await prepare(rig), plan);
    expect(problems, `seed ${seed}, ${JSON.stringify(counts)}`).toEqual([]);
  } finally {
    await rig.down();
  }
  const kept = (): Record<string, number> => {
    const { TCPSocketWrap = 0, TCPServerWrap = 0 } = resources();
    return { TCPSocketWrap, TCPServerWrap };
  };
  await expect.poll(kept, { timeout: 5000 }).toEqual({ TCPSocketWrap: sockets, TCPServerWrap: servers });
});
