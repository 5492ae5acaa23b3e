// What Tiffin is made of beside its own code: locked, of known origin and licence, without scripts of its own at install, named
// in the bill of materials; and what is deployed makes no code of data. docs/supply-chain.md says why each exception is one.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { builtinModules } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bundleWorker } from '../src/cli/bundle.ts';
import { licenceOf, nameOf, readLock, shipped } from '../src/cli/gen/sbom.ts';

const root = path.resolve(import.meta.dirname, '..');
const lock = readLock(root);
const places = Object.keys(lock).filter((place) => place !== '');
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');
const own = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const names = (list: readonly string[]): string[] => [...new Set(list.map(nameOf))].sort();

test('every package is locked to its content', () => {
  const loose = places.filter((place) => !lock[place]?.integrity && !lock[place]?.inBundle);
  // Of other systems than those that Tiffin runs on, and never fetched where the lock file was written.
  const foreign = (place: string): boolean => {
    const { optional, os: systems = [], libc = [] } = lock[place] as (typeof lock)[string];
    return optional === true && (!systems.includes('linux') || libc.includes('musl'));
  };
  expect(loose.filter((place) => !foreign(place))).toEqual([]);
});

test('every package comes from the registry', () => {
  const origins = places.map((place) => lock[place]?.resolved).filter((url) => url !== undefined);
  expect(origins.filter((url) => !url.startsWith('https://registry.npmjs.org/'))).toEqual([]);
});

test('versions are exact', () => {
  const { dependencies, optionalDependencies, devDependencies } = own;
  const wanted = Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies });
  expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('no script runs at install', () => {
  expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  const atInstall = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish', 'preprepare', 'postprepare'];
  expect(Object.keys(own.scripts).filter((name) => atInstall.includes(name))).toEqual([]);
  // Those that would like to: docs/supply-chain.md says of each why it is not needed.
  const wish = names(places.filter((place) => lock[place]?.hasInstallScript));
  expect(wish).toEqual(['esbuild', 'protobufjs', 'workerd']);
  const explained = read('docs/supply-chain.md');
  expect(wish.filter((name) => !explained.includes(`| \`${name}\` |`))).toEqual([]);
});

test('what is shipped has a licence that lets it be shipped', () => {
  const allowed =
    /^\(?(Apache-2\.0|MIT|ISC|BSD-2-Clause|BSD-3-Clause|0BSD)( (AND|OR) (Apache-2\.0|MIT|ISC|BSD-2-Clause|BSD-3-Clause|0BSD))*\)?$/;
  const others = shipped(lock).filter((place) => !allowed.test(licenceOf(place, lock[place]!) ?? 'none'));
  expect(names(others)).toEqual([]);
});

interface Bill {
  components: { 'bom-ref': string; group?: string; name: string; version: string; hashes?: unknown[] }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}
const bill = JSON.parse(read('sbom.cdx.json')) as Bill;
const billed = new Set(bill.components.map(({ group, name }) => (group ? `${group}/${name}` : name)));

test('the bill of materials holds together', () => {
  const refs = new Set(bill.components.map((one) => one['bom-ref']));
  expect(refs.size).toBe(bill.components.length);
  const dangling = bill.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref));
  expect(dangling).toEqual([]);
  // Whatever is in it is there for a reason.
  const reached = new Set<string>();
  const visit = (ref: string): void => {
    if (reached.has(ref)) return;
    reached.add(ref);
    for (const next of bill.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []) visit(next);
  };
  visit('pkg:npm/tiffin@0.1.0');
  expect([...refs].filter((ref) => !reached.has(ref))).toEqual([]);
  expect(Object.keys(own.dependencies).filter((name) => !billed.has(name))).toEqual([]);
});

test('what sources import is among the dependencies', () => {
  const files = execFileSync('git', ['ls-files', 'src/*.ts', 'workers/*.ts', 'node-agent/*.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith('.ts') && fs.existsSync(path.join(root, file)))
    .filter((file) => !/\.test\.ts$|contract\.ts$|\/testing(\.ts$|\/)|^src\/cli\/gen\//.test(file));
  const foreign = files.flatMap((file) =>
    [...read(file).matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s+'([^'.][^']*)'|\bimport\('([^'.][^']*)'\)/gm)]
      .filter(([statement]) => !/^\s*import type\b/.test(statement))
      .map(([, from, lazily]) => from ?? lazily ?? '')
      .filter((one) => !one.startsWith('node:') && !one.startsWith('cloudflare:') && !builtinModules.includes(one))
      .map((one) =>
        one
          .split('/')
          .slice(0, one.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  );
  expect([...new Set(foreign)].filter((name) => !(name in own.dependencies)).sort()).toEqual([]);
});

test('the Worker holds what is billed, and nothing that makes code of data', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-bundle-'));
  try {
    const code = fs.readFileSync(await bundleWorker(dir), 'utf8');
    // esbuild names the file above what it holds of it.
    const packages = [...code.matchAll(/^\s*\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)].map(([, name]) => name!);
    expect(packages.length).toBeGreaterThan(0);
    expect([...new Set(packages)].filter((name) => !billed.has(name))).toEqual([]);
    const made = code.split('\n').filter((line) => /\beval\b|\bFunction\(/.test(line) && !/^\s*(\/\/|\*)/.test(line));
    // reflect-metadata looks for the global object of engines that have no globalThis; it is never reached.
    expect(made.map((line) => line.trim())).toEqual([
      'return Function("return this;")();',
      'return (void 0, eval)("(function() { return this; })()");',
    ]);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);

test('no page goes out without a policy of what it may load', () => {
  const files = execFileSync('git', ['ls-files', 'src/*.ts', 'workers/*.ts'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && fs.existsSync(path.join(root, file)));
  const pages = files.filter((file) => /text\/html|application\/xhtml|image\/svg/.test(read(file)));
  expect(pages.filter((file) => !/Content-Security-Policy/i.test(read(file)))).toEqual([]);
});
