// Answers that are longer than the heap in which they are made.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { count, names } from './memory.ts';

const heapMiB = 64;

test('what is long is answered in little memory', { timeout: 240_000 }, async () => {
  const script = path.join(import.meta.dirname, 'memory.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [`--max-old-space-size=${heapMiB}`, script]);
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; code: number; bytes: number });
  expect(answers.map(({ name, code }) => [name, code])).toEqual(names.map((name) => [name, 200]));
  for (const { name, bytes } of answers)
    if (!name.endsWith('as a table'))
      expect(bytes, name).toBeGreaterThan((count - 1) * (name.endsWith('as protobuf') ? 750_000 : 1_000_000));
});
