// npm run gen [-- --facts DIR] [-- --check]: writes src/generated and the bill of materials (sbom.cdx.json), or with --check says what is stale and exits 1.
//
// With --facts (a folder holding definitions.json, protobuf.json and cri-v1.json of Kubernetes 1.36) the schema types and
// tables are rewritten too; without it, only the indexes of resource types, definitions,
// controllers and scheduler plugins, and the descriptions of types (src/generated/descriptions.ts).

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { SchemaTable } from '../../machinery/schema/table.ts';
import { addedDefinitions, addedMessages } from './added-types.ts';
import { descriptions } from './descriptions.ts';
import { indexes } from './indexes.ts';
import { nilLists } from './nil-lists.ts';
import { sbom } from './sbom.ts';
import { protobufTable, schemaTable } from './schema-table.ts';
import { schemaTypes } from './schema-types.ts';
import { tokenIndex } from './tokens.ts';

const { values } = parseArgs({ options: { facts: { type: 'string' }, check: { type: 'boolean', default: false } } });
const root = path.resolve(import.meta.dirname, '../../..');
const groupVersions = [
  'apiregistration-v1',
  'apps-v1',
  'authentication-v1',
  'authorization-v1',
  'autoscaling-v1',
  'autoscaling-v2',
  'batch-v1',
  'certificates-v1',
  'coordination-v1',
  'core-v1',
  'discovery-v1',
  'events-v1',
  'flowcontrol-v1',
  'metrics-v1beta1',
  'networking-v1',
  'node-v1',
  'policy-v1',
  'rbac-v1',
  'resource-v1',
  'scheduling-v1',
  'storage-v1',
];

const tableFile = 'src/generated/schemas/definitions.ts';

/** A table as the text of its JSON, a type a line: an engine parses that in a fraction of the time that it compiles an object in. */
function textModule(name: string, type: 'SchemaTable' | 'ProtobufTable', table: object): string {
  const lines = Object.entries(table).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const text = `{\n${lines.join(',\n')}\n}`;
  if (/[\\`]|\$\{/.test(text)) throw new Error(`${name} cannot be written as a template`);
  return [
    '// Written by `npm run gen`; do not edit.\n',
    `import type { ${type} } from '../../machinery/schema/table.ts';\n\n`,
    `export const ${name} = (): ${type} => JSON.parse(text);\n\n`,
    `const text = \`${text}\`;\n`,
  ].join('');
}

function parsed(module: string): SchemaTable {
  return JSON.parse(module.slice(module.indexOf('= `{') + 3, module.lastIndexOf('`'))) as SchemaTable;
}

/** Wanted contents by path from the root. */
const files = new Map<string, string>();
if (values.facts) {
  const read = (name: string) => JSON.parse(fs.readFileSync(path.join(values.facts as string, name), 'utf8'));
  const definitions = { ...read('definitions.json'), ...addedDefinitions };
  for (const [name, text] of schemaTypes(definitions, groupVersions)) files.set(`src/generated/schemas/${name}`, text);
  const table = schemaTable(definitions);
  files.set(tableFile, textModule('definitions', 'SchemaTable', table));
  files.set(
    'src/generated/schemas/protobuf.ts',
    textModule('protobuf', 'ProtobufTable', protobufTable({ ...read('protobuf.json'), ...addedMessages }, table)),
  );
  files.set('node-agent/cri/cri-v1.json', `${JSON.stringify(read('cri-v1.json'))}\n`);
}
const table = parsed(files.get(tableFile) ?? fs.readFileSync(path.join(root, tableFile), 'utf8'));
files.set('src/generated/descriptions.ts', descriptions(root, table));
files.set('src/generated/schemas/index.ts', tokenIndex(root, table));
files.set('src/generated/nil-lists.ts', nilLists(table));
files.set('sbom.cdx.json', sbom(root));
for (const [name, text] of indexes(root)) files.set(name, text);

const stale = [...files].filter(([name, text]) => {
  const file = path.join(root, name);
  return !fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text;
});
for (const [name, text] of stale) {
  console.log(`${values.check ? 'stale' : 'wrote'} ${name}`);
  if (values.check) continue;
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
}
if (values.check && stale.length > 0) {
  console.error('run `npm run gen`');
  process.exitCode = 1;
}
