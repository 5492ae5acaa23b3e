import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'node-agent/**/*.test.ts', 'test/tidy.test.ts', 'test/harness/**/*.test.ts', 'test/sim/**/*.test.ts'],
    testTimeout: 20_000,
  },
});
