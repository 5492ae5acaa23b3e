import { expect, test, vi } from 'vitest';
import { passed } from './garbage.ts';

const held = (): number => process.memoryUsage().arrayBuffers;

test('buffers that nobody holds any more are freed once enough have passed', async () => {
  const kept = Buffer.alloc(1_000_000, 7);
  for (let i = 0; i < 250; i++) Buffer.alloc(64 * 1024);
  const before = held();
  passed(1000);
  expect(held()).toBeGreaterThan(before - 1_000_000);
  passed(16 * 1024 * 1024);
  // The nursery is swept beside the program, on a thread that has to be given time.
  await vi.waitFor(() => expect(held()).toBeLessThan(before - 10_000_000), 20_000);
  expect(kept.every((byte) => byte === 7)).toBe(true);
});
