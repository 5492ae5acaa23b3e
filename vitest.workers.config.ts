// Tests inside workerd, on the Worker of wrangler.toml: `npx vitest run --config vitest.workers.config.ts`.
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { testSecrets } from './test/workers/secrets.ts';

export default defineConfig(async () => ({
  plugins: [
    cloudflareTest({
      main: './workers/main.ts',
      wrangler: { configPath: './wrangler.toml' },
      miniflare: { bindings: await testSecrets() },
    }),
  ],
  test: {
    include: ['test/workers/**/*.test.ts'],
    // A file's first request waits until the Worker is compiled, which takes long where others use the machine.
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
}));
