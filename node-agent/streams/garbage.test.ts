import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

// In a process of its own, whose collector uses no other thread: nothing is freed before or after it is asked for.
const program = `
import { passed } from ${JSON.stringify(new URL('./garbage.ts', import.meta.url).href)};
const held = () => process.memoryUsage().arrayBuffers;
passed(16 * 1024 * 1024);
const kept = Buffer.alloc(1_000_000, 7);
while (held() < 12_000_000) Buffer.alloc(64 * 1024);
const before = held();
passed(1000);
const few = held();
passed(16 * 1024 * 1024);
console.log(JSON.stringify({ before, few, many: held(), whole: kept.every((byte) => byte === 7) }));
`;

test('buffers that nobody holds any more are freed once enough have passed', () => {
  const flags = ['--single-threaded-gc', '--input-type=module'];
  const seen = JSON.parse(execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' }));
  expect(seen.few).toBe(seen.before);
  expect(seen.many).toBeLessThan(seen.before - 10_000_000);
  expect(seen.whole).toBe(true);
});
