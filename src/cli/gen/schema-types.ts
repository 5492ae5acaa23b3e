// TypeScript types from the schema facts: one module per API group version, type-only.
//
// Top-level kinds are typed as stored objects: metadata is complete, and struct fields that Go always serialises
// (non-pointers, `default: {}` in the facts) are present.

import { apiType } from './added-types.ts';

export interface Definition {
  type?: string;
  format?: string;
  $ref?: string;
  required?: string[];
  properties?: Record<string, Definition>;
  items?: Definition;
  additionalProperties?: Definition;
  enum?: string[];
  default?: unknown;
  oneOf?: unknown[];
  [extension: `x-kubernetes-${string}`]: unknown;
}
export type Definitions = Record<string, Definition>;

export const refName = (ref: string): string => ref.replace('#/components/schemas/', '');

/** Types of meta/v1 and friends that are written by hand in machinery, or are plain values. */
const aliases: Record<string, string> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': 'string',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'string',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'number | string',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'unknown',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'Record<string, unknown>',
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': 'ObjectMeta',
  'io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference': 'OwnerReference',
  'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector': 'LabelSelector',
  'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement': 'LabelSelectorRequirement',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Condition': 'Condition',
  'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta': 'Record<string, unknown>',
};
const machineryTypes = ['Condition', 'LabelSelector', 'LabelSelectorRequirement', 'ObjectMeta', 'OwnerReference'];

const moduleOf = (name: string): string | undefined => {
  const found = apiType(name);
  return found && `${found.group}-${found.version}`;
};
const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Modules by file name (`core-v1.ts`) for the named group versions (`core-v1`) and all that they refer to. */
export function schemaTypes(definitions: Definitions, wanted: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const module of wanted) {
    const imports = new Map<string, Set<string>>();
    const use = (from: string, name: string): string => {
      if (from === module) return name;
      const local = machineryTypes.includes(name) && from === 'machinery' ? name : name;
      if (!imports.has(from)) imports.set(from, new Set());
      imports.get(from)?.add(local);
      return local;
    };
    const render = (d: Definition): string => {
      if (d.$ref) {
        const name = refName(d.$ref);
        const alias = aliases[name];
        if (alias) return machineryTypes.includes(alias) ? use('machinery', alias) : alias;
        const home = moduleOf(name);
        if (home && wanted.includes(home)) return use(home, shortName(name));
        return 'Record<string, unknown>';
      }
      if (d.enum) return d.enum.map((v) => JSON.stringify(v)).join(' | ');
      switch (d.type) {
        case 'string':
          return 'string';
        case 'integer':
        case 'number':
          return 'number';
        case 'boolean':
          return 'boolean';
        case 'array': {
          const item = render(d.items ?? {});
          return /[|]/.test(item) ? `(${item})[]` : `${item}[]`;
        }
        case 'object':
          return d.additionalProperties
            ? `Record<string, ${render(d.additionalProperties)}>`
            : 'Record<string, unknown>';
        default:
          return 'unknown';
      }
    };
    const bodies: string[] = [];
    for (const [name, definition] of Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (moduleOf(name) !== module) continue;
      const short = shortName(name);
      if (short.endsWith('List') && definition.properties?.items && definition.properties.metadata) continue;
      const required = new Set(definition.required ?? []);
      const top = definition.properties?.kind && definition.properties.apiVersion && definition.properties.metadata;
      const fields = Object.entries(definition.properties ?? {}).map(([field, d]) => {
        const struct = d.$ref && d.default !== undefined && JSON.stringify(d.default) === '{}' && !/Time$/.test(d.$ref);
        const present =
          required.has(field) ||
          (struct && (top || required.has(field))) ||
          (top && (field === 'kind' || field === 'apiVersion'));
        return `  ${/^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field)}${present ? '' : '?'}: ${render(d)};`;
      });
      bodies.push(
        definition.properties
          ? `export interface ${short} {\n${fields.join('\n')}\n}`
          : `export type ${short} = ${render(definition)};`,
      );
    }
    const lines = [...imports]
      .sort()
      .map(
        ([from, names]) =>
          `import type { ${[...names].sort().join(', ')} } from '${from === 'machinery' ? '../../machinery/meta.ts' : `./${from}.ts`}';`,
      );
    files.set(
      `${module}.ts`,
      `// Written by \`npm run gen\` from the Kubernetes 1.36 API types; see NOTICE. Do not edit.\n\n${lines.join('\n')}${lines.length ? '\n\n' : ''}${bodies.join('\n\n')}\n`,
    );
  }
  return files;
}
