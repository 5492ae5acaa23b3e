// Query parameters of each kind of operation: the fields of upstream's option types, with what they mean.
import type { SchemaTable } from '../../machinery/schema/table.ts';
import { describe } from './descriptions.ts';

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  description?: string;
  required?: true;
  type: 'string' | 'integer' | 'boolean';
}

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const optionTypes: Record<string, { type: string; texts: string; without?: readonly string[] }> = {
  list: { type: `${metaV1}ListOptions`, texts: 'parameters/list' },
  listNoWatch: { type: `${metaV1}ListOptions`, texts: 'parameters/list', without: ['watch', 'allowWatchBookmarks'] },
  create: { type: `${metaV1}CreateOptions`, texts: 'parameters/create' },
  update: { type: `${metaV1}UpdateOptions`, texts: 'parameters/update' },
  patch: { type: `${metaV1}PatchOptions`, texts: 'parameters/patch' },
  delete: { type: `${metaV1}DeleteOptions`, texts: 'parameters/delete' },
};
const types: Record<string, Parameter['type']> = { i: 'integer', l: 'integer', b: 'boolean', s: 'string' };

/** `kind`: one of the above, `pretty`, or a type of options by name. */
export function queryParameters(table: SchemaTable, kind: string): Parameter[] {
  if (kind === 'pretty')
    return [{ name: 'pretty', in: 'query', ...described(describe('parameters/list').f.pretty), type: 'string' }];
  const { type, texts, without = [] } = optionTypes[kind] ?? { type: kind, texts: kind };
  const text = describe(texts).f;
  return Object.entries(table[type]?.f ?? {}).flatMap(([name, field]): Parameter[] => {
    const code = (typeof field === 'string' ? field : field.t).replace(/^\[/, '');
    if (name === 'kind' || name === 'apiVersion' || without.includes(name)) return [];
    if (code.startsWith('#')) return [];
    return [{ name, in: 'query', ...described(text[name]), type: types[code] ?? 'string' }];
  });
}

const described = (description: string | undefined) => (description ? { description } : {});
