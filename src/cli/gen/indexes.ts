// The registration indexes of src/generated, from what lies in the tree: a new kind, controller or scheduler plugin is one
// folder or file, found by its place.

import fs from 'node:fs';
import path from 'node:path';

const banner = '// Written by `npm run gen`; do not edit.\n';

const subfolders = (dir: string): string[] =>
  fs.existsSync(dir)
    ? fs
        .readdirSync(dir, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort()
    : [];

/** `deployment-status` → `deploymentStatus`. */
const identifier = (name: string): string =>
  name.replace(/[^A-Za-z0-9]+(.)?/g, (_, c: string | undefined) => c?.toUpperCase() ?? '');
const pascal = (name: string): string => {
  const id = identifier(name);
  return id.charAt(0).toUpperCase() + id.slice(1);
};

function resources(root: string): string {
  const found: { id: string; file: string }[] = [];
  const apis = path.join(root, 'src/apis');
  // definition.ts, and definition.v1.ts where an older version is served too.
  for (const group of subfolders(apis))
    for (const plural of subfolders(path.join(apis, group)))
      for (const name of fs
        .readdirSync(path.join(apis, group, plural))
        .sort()
        .reverse()) {
        const version = /^definition(?:\.(v\d+))?\.ts$/.exec(name);
        if (!version) continue;
        const id = identifier([group, plural, ...(version[1] ? [version[1]] : [])].join('-'));
        found.push({ id, file: `../apis/${group}/${plural}/${name}` });
      }
  return [
    banner,
    '// All served resource types, in discovery order of their folders.\n',
    ...found.map(({ id, file }) => `import ${id} from '${file}';\n`),
    "import type { AnyResource } from '../machinery/resource.ts';\n\n",
    `export const resources: readonly AnyResource[] = [\n${found.map(({ id }) => `  ${id},\n`).join('')}];\n`,
  ].join('');
}

function controllers(root: string): string {
  const folder = path.join(root, 'src/controllers');
  const found = subfolders(folder).filter((name) => fs.existsSync(path.join(folder, name, 'controller.ts')));
  const optionsFile = fs.existsSync(path.join(folder, 'lib/options.ts'));
  const imports = found.map(
    (name) => `import { create as ${identifier(name)} } from '../controllers/${name}/controller.ts';\n`,
  );
  return [
    banner,
    '// All controllers, each made from the options of the cluster it runs in.\n',
    ...imports,
    optionsFile ? "import type { ControllerOptions } from '../controllers/lib/options.ts';\n" : '',
    "import type { Controller } from '../reconcile/types.ts';\n\n",
    `export const controllers: readonly ((options: ${optionsFile ? 'ControllerOptions' : 'never'}) => Controller)[] = [\n`,
    ...found.map((name) => `  ${identifier(name)},\n`),
    '];\n',
  ].join('');
}

function schedulerPlugins(root: string): string {
  const folder = path.join(root, 'src/scheduler/plugins');
  const files = fs.existsSync(folder)
    ? fs
        .readdirSync(folder)
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
        .map((name) => name.slice(0, -3))
        .sort()
    : [];
  const folders = subfolders(folder).filter((name) => fs.existsSync(path.join(folder, name, 'plugin.ts')));
  const found = [
    ...files.map((name) => ({ id: `plugin${pascal(name)}`, file: `../scheduler/plugins/${name}.ts` })),
    ...folders.map((name) => ({ id: `plugin${pascal(name)}`, file: `../scheduler/plugins/${name}/plugin.ts` })),
  ];
  return [
    banner,
    '// All scheduler plugins: the default export of each file.\n',
    ...found.map(({ id, file }) => `import ${id} from '${file}';\n`),
    found.length > 0 ? '\n' : '',
    `export const schedulerPlugins = [\n${found.map(({ id }) => `  ${id},\n`).join('')}] as const;\n`,
  ].join('');
}

/** Contents by path from the root. */
export function indexes(root: string): Map<string, string> {
  return new Map([
    ['src/generated/resources.ts', resources(root)],
    ['src/generated/controllers.ts', controllers(root)],
    ['src/generated/scheduler-plugins.ts', schedulerPlugins(root)],
  ]);
}
