// src/generated/schemas/index.ts: a token for each resource type that has a folder in src/apis, carrying its TypeScript type.
// Group, version and kind follow from the folder's names and the schema table.

import fs from 'node:fs';
import path from 'node:path';
import type { SchemaTable } from '../../machinery/schema/table.ts';
import { apiType } from './added-types.ts';

/** Of kinds that are not called after their resource. */
const plurals: Readonly<Record<string, string>> = { NodeMetrics: 'nodes', PodMetrics: 'pods' };

const clusterScoped = new Set([
  'APIService',
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'ComponentStatus',
  'CSIDriver',
  'CSINode',
  'DeviceClass',
  'FlowSchema',
  'IngressClass',
  'IPAddress',
  'Namespace',
  'Node',
  'NodeMetrics',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'ResourceSlice',
  'RuntimeClass',
  'ServiceCIDR',
  'StorageClass',
  'VolumeAttachment',
  'VolumeAttributesClass',
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
  /** Name of the type where tokens are: `Event` of events.k8s.io/v1 and old versions carry their version. */
  type: string;
}

function tokens(root: string, table: SchemaTable): Token[] {
  const out: Token[] = [];
  const apis = path.join(root, 'src/apis');
  for (const [name, { k }] of Object.entries(table)) {
    const match = apiType(name);
    if (!k || !match) continue;
    const { group: folder, version, kind } = match;
    const plural = plurals[kind] ?? pluralOf(kind).toLowerCase();
    if (!fs.existsSync(path.join(apis, folder, plural))) continue;
    const module = `${folder}-${version}`;
    if (!fs.existsSync(path.join(root, 'src/generated/schemas', `${module}.ts`)))
      throw new Error(
        `src/apis/${folder}/${plural} needs types: add ${module} to the group versions in src/cli/gen/main.ts and run with --facts`,
      );
    const words = Object.hasOwn(plurals, kind) ? kind : pluralOf(kind);
    const acronym = /^[A-Z]+(?=[A-Z][a-z])/.exec(words)?.[0] ?? words.charAt(0);
    const plain = acronym.toLowerCase() + words.slice(acronym.length);
    // The newest version has the plain name; core/v1 Event and events.k8s.io/v1 Event share one.
    const newer = Object.keys(table).some((other) => {
      const found = apiType(other);
      return (
        found?.group === folder && found.kind === kind && Number(found.version.slice(1)) > Number(version.slice(1))
      );
    });
    const suffix = newer || folder === 'events' ? version.toUpperCase() : '';
    out.push({ id: plain + suffix, group: k[0], version, plural, kind, module, type: kind + suffix });
  }
  return out.sort((a, b) => (a.id.toLowerCase() < b.id.toLowerCase() ? -1 : 1));
}

export function tokenIndex(root: string, table: SchemaTable): string {
  const found = tokens(root, table);
  const imports = new Map<string, string[]>();
  for (const token of found) {
    const names = imports.get(token.module) ?? [];
    imports.set(token.module, [...names, token.type === token.kind ? token.kind : `${token.kind} as ${token.type}`]);
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
      return `export const ${token.id}: ResourceToken<${token.type}> = { group: '${group}', version: '${version}', plural: '${plural}', kind: '${kind}', namespaced: ${!clusterScoped.has(kind)} };\n`;
    }),
  ].join('');
}
