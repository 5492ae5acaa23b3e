// npm run gen [-- --facts DIR]: writes src/generated. With --facts (a folder holding definitions.json, protobuf.json and
// cri-v1.json of Kubernetes 1.36) the schema types and tables are rewritten too; without it, only the indexes.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { schemaTypes } from './schema-types.ts';

const { values } = parseArgs({ options: { facts: { type: 'string' } } });
const root = path.resolve(import.meta.dirname, '../../..');
const groupVersions = [
  'apps-v1', 'authentication-v1', 'authorization-v1', 'autoscaling-v1', 'coordination-v1', 'core-v1', 'discovery-v1', 'events-v1', 'scheduling-v1',
];
if (values.facts) {
  const read = (name: string) => JSON.parse(fs.readFileSync(path.join(values.facts as string, name), 'utf8'));
  for (const [name, text] of schemaTypes(read('definitions.json'), groupVersions))
    fs.writeFileSync(path.join(root, 'src/generated/schemas', name), text);
}
