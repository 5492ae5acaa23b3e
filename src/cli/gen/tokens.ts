// src/generated/schemas/index.ts: a token for each resource type that has a folder in src/apis, carrying its TypeScript type.
// Group, version and kind follow from the folder's names and the schema table.

import fs from 'node:fs';
import path from 'node:path';
import type { SchemaTable } from '../../machinery/schema/table.ts';

const clusterScoped = new Set([
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'CSIDriver',
  'CSINode',
  'CustomResourceDefinition',
  'FlowSchema',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);

/** `Pod` → `Pods`, `Endpoints` → `Endpoints`, `NetworkPolicy` → `NetworkPolicies`, `StorageClass` → `StorageClasses`. */
function pluralOf(kind: string): string {
  if (kind === 'Endpoints') return kind;
  if (/(s|x|ch)$/.test(kind)) return `${kind}es`;
  return /[^aeiou]y$/.test(kind) ? `${kind.slice(0, -1)}ies` : `${kind}s`;
}

interface Token {
  id: string;
  group: string;
  version: string;
  plural: string;
  kind: string;
  module: string;
}

function tokens(root: string, table: SchemaTable): Token[] {
  const out: Token[] = [];
  const apis = path.join(root, 'src/apis');
  for (const [name, { k }] of Object.entries(table)) {
    const match = /^io\.k8s\.api\.([a-z]+)\.(v\d+)\.(\w+)$/.exec(name);
    if (!k || !match) continue;
    const [, folder = '', version = '', kind = ''] = match;
    const plural = pluralOf(kind).toLowerCase();
    if (!fs.existsSync(path.join(apis, folder, plural))) continue;
    const module = `${folder}-${version}`;
    if (!fs.existsSync(path.join(root, 'src/generated/schemas', `${module}.ts`)))
      throw new Error(
        `src/apis/${folder}/${plural} needs types: add ${module} to the group versions in src/cli/gen/main.ts and run with --facts`,
      );
    const words = pluralOf(kind);
    const acronym = /^[A-Z]+(?=[A-Z][a-z])/.exec(words)?.[0] ?? words.charAt(0);
    const plain = acronym.toLowerCase() + words.slice(acronym.length);
    // core/v1 Event and events.k8s.io/v1 Event share a name.
    const id = folder === 'events' ? `${plain}V1` : plain;
    out.push({ id, group: k[0], version, plural, kind, module });
  }
  return out.sort((a, b) => (a.id.toLowerCase() < b.id.toLowerCase() ? -1 : 1));
}

export function tokenIndex(root: string, table: SchemaTable): string {
  const found = tokens(root, table);
  const imports = new Map<string, string[]>();
  const typeOf = ({ kind, module }: Token): string => (module === 'events-v1' ? 'EventV1' : kind);
  for (const token of found) {
    const names = imports.get(token.module) ?? [];
    imports.set(token.module, [
      ...names,
      typeOf(token) === token.kind ? token.kind : `${token.kind} as ${typeOf(token)}`,
    ]);
  }
  return [
    '// Written by `npm run gen`; do not edit.\n',
    '// Tokens of the resource types that this release serves, each carrying its TypeScript type.\n',
    "import type { ResourceToken } from '../../machinery/meta.ts';\n",
    ...[...imports]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([module, names]) => `import type { ${names.sort().join(', ')} } from './${module}.ts';\n`),
    '\n',
    ...found.map((token) => {
      const { group, version, plural, kind } = token;
      return `export const ${token.id}: ResourceToken<${typeOf(token)}> = { group: '${group}', version: '${version}', plural: '${plural}', kind: '${kind}', namespaced: ${!clusterScoped.has(kind)} };\n`;
    }),
  ].join('');
}
