import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// One cluster of two real nodes for all files, one file at a time: they share nodes and a kernel.
// What `up` left behind is looked at first; what takes the cluster down comes last.
const order = [
  'up',
  'kubectl',
  'top',
  'pod-security',
  'encryption',
  'service-account-keys',
  'identities',
  'apply',
  'helm',
  'clients',
  'bad-input',
  'pods',
  'pods-content',
  'images',
  'service',
  'streams-exec',
  'streams-forward',
  'streams-logs',
  'cp',
  'debug',
  'healing',
  'join',
  'faults',
  'lifecycle',
];
const place = ({ moduleId }: TestSpecification): number => order.indexOf(path.basename(moduleId, '.e2e.test.ts'));
class Ordered extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  root: path.resolve(import.meta.dirname, '../..'),
  test: {
    include: ['test/e2e/**/*.e2e.test.ts'],
    globalSetup: ['test/e2e/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    sequence: { concurrent: false, sequencer: Ordered },
  },
});
