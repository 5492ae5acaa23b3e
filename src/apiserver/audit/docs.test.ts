// The examples of the pages on audit and limits are configurations that can be used.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readConfiguration } from '../../configuration/configuration.ts';

test.each(['audit.md', 'limits.md'])('docs/%s', (page) => {
  const text = fs.readFileSync(path.resolve(import.meta.dirname, '../../../docs', page), 'utf8');
  const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples)
    readConfiguration(parseAllDocuments(example).map((document) => document.toJS() as unknown));
});
