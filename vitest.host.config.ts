import { defineConfig } from 'vitest/config';

// Tests that need root, containerd and a kernel to play with; one at a time, since they share that kernel.
export default defineConfig({
  test: {
    include: ['src/**/*.host.test.ts', 'node-agent/**/*.host.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
