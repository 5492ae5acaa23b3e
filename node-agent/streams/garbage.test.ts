import { expect, test, vi } from 'vitest';
import { passed } from './garbage.ts';

const held = (): number => process.memoryUsage().arrayBuffers;

test('buffers that nobody holds any more are freed once enough have passed', async () => {
  const before = held();
  const kept = Buffer.alloc(1_000_000, 7);
  // A collection of V8's own may come in between, but not once nothing is made any more.
  for (let i = 0; i < 10_000 && held() < before + 12_000_000; i++) Buffer.alloc(64 * 1024);
  expect(held()).toBeGreaterThan(before + 10_000_000);
  passed(16 * 1024 * 1024);
  // The nursery is swept beside the program, on a thread that has to be given time.
  await vi.waitFor(() => expect(held()).toBeLessThan(before + 3_000_000), 20_000);
  expect(kept.every((byte) => byte === 7)).toBe(true);
});
