// src/generated/nil-lists.ts: where the objects of each kind have lists that Go writes even when there is nothing in them
// (as null), from the schema tables.

import type { SchemaTable, TableField } from '../../machinery/schema/table.ts';

type Tree = { [field: string]: true | Tree };

/** `*` stands for every element. Undefined: the type has no such place. */
function treeOf(table: SchemaTable, type: string, within: readonly string[]): Tree | undefined {
  const own = table[type];
  if (!own || within.includes(type)) return undefined;
  const tree: Tree = {};
  for (const [name, field] of Object.entries(own.f)) {
    const { t, r, z }: TableField = typeof field === 'string' ? { t: field } : field;
    const collections = /^[[{]*/.exec(t)?.[0] ?? '';
    const item = t.slice(collections.length);
    let found: true | Tree | undefined = item.startsWith('#')
      ? treeOf(table, item.slice(1), [...within, type])
      : undefined;
    for (const _ of collections) found = found && { '*': found };
    // A list that is always written and whose elements have such places as well: both are looked at.
    if (t.startsWith('[') && (r || z)) found = found ? { '': true, ...found } : true;
    if (found) tree[name] = found;
  }
  return Object.keys(tree).length > 0 ? tree : undefined;
}

const objectMeta = '#io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** As TypeScript. */
export function nilLists(table: SchemaTable): string {
  const lines = Object.entries(table).flatMap(([name, { k, f }]) => {
    const { metadata = '' } = f;
    if (!k || (typeof metadata === 'string' ? metadata : metadata.t) !== objectMeta) return [];
    const tree = treeOf(table, name, []);
    const [group, version, kind] = k;
    return tree ? [`  '${group === '' ? '' : `${group}/`}${version}/${kind}': ${literal(tree)},\n`] : [];
  });
  return [
    '// Written by `npm run gen`; do not edit.\n',
    '// Lists that are null when they are empty, by apiVersion and kind; `*` is every element, and an empty name the list itself\n',
    '// where its elements have some too.\n',
    "import type { NilTree } from '../machinery/schema/nil-lists.ts';\n\n",
    '// biome-ignore format: a kind a line\n',
    `export const nilLists: Readonly<Record<string, NilTree>> = {\n${lines.join('')}};\n`,
  ].join('');
}

function literal(tree: Tree): string {
  const fields = Object.entries(tree).map(([name, inner]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`;
    return `${key}: ${inner === true ? 'true' : literal(inner)}`;
  });
  return `{ ${fields.join(', ')} }`;
}
