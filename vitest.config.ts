import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'node-agent/**/*.test.ts',
      'workers/**/*.test.ts',
      'test/*.test.ts',
      'test/conformance/**/*.test.ts',
      'test/harness/**/*.test.ts',
      'test/sim/**/*.test.ts',
    ],
    exclude: [...configDefaults.exclude, '**/*.host.test.ts'],
    testTimeout: 20_000,
  },
});
