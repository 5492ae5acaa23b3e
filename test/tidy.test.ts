// Lint as a test: who may import whom, what is banned and what to use instead, file length, top comments, and the freshness
// of what is generated.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const list = (pattern: string): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', pattern], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((f) => f !== '' && fs.existsSync(path.join(root, f)));
const files = ['src/*.ts', 'workers/*.ts', 'node-agent/*.ts'].flatMap(list);
const sources = files.filter((f) => !f.endsWith('.test.ts') && !f.includes('/testdata/'));
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

/** Left may import right; its own layer always. `schemas` are the types and tables in src/generated/schemas. */
const layers: Record<string, string[]> = {
  ports: [],
  machinery: ['ports'],
  ledger: ['ports'],
  apis: ['ports', 'machinery', 'schemas'],
  quota: ['machinery', 'schemas'],
  configuration: ['ports', 'machinery', 'schemas'],
  apiserver: [
    'ports',
    'machinery',
    'configuration',
    'ledger',
    'generated',
    'schemas',
    'quota',
    'reconcile',
    'protocol',
  ],
  reconcile: ['ports', 'machinery', 'schemas'],
  controllers: ['ports', 'machinery', 'quota', 'reconcile', 'schemas'],
  scheduler: ['ports', 'machinery', 'reconcile', 'schemas', 'generated'],
  protocol: ['ports', 'machinery', 'schemas'],
  'node-link': ['ports', 'machinery', 'protocol', 'schemas', 'reconcile'],
  relay: ['ports', 'machinery', 'protocol'],
  schemas: ['machinery'],
  generated: ['ports', 'machinery', 'reconcile', 'apis', 'controllers', 'scheduler', 'schemas'],
  cli: ['ports', 'machinery', 'configuration', 'protocol', 'schemas'],
  workers: [
    'ports',
    'machinery',
    'configuration',
    'ledger',
    'apis',
    'apiserver',
    'reconcile',
    'controllers',
    'scheduler',
    'protocol',
    'node-link',
    'relay',
    'generated',
    'schemas',
  ],
  'node-agent': ['ports', 'machinery', 'protocol', 'reconcile', 'schemas'],
};

function layerOf(file: string): string {
  if (file.startsWith('src/generated/schemas/')) return 'schemas';
  const [top, second] = file.split('/');
  return (top === 'src' ? second : top) ?? '';
}

function imports(file: string): string[] {
  return [
    ...read(file).matchAll(
      /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
    ),
  ]
    .map((m) => m[1] ?? m[2] ?? m[3] ?? '')
    .filter((s) => s !== '');
}

describe('layers', () => {
  test.each(sources)('%s', (file) => {
    const own = layerOf(file);
    const allowed = layers[own];
    expect(allowed, `no layer is called ${own}: add it to the table in test/tidy.test.ts`).toBeDefined();
    for (const specifier of imports(file)) {
      // The one thing that is missing in the web's own: ciphers that answer at once.
      const provided = specifier === 'node:crypto' && file === 'workers/adapters/cipher.ts';
      if (specifier.startsWith('node:') && !provided)
        expect(['cli', 'node-agent'], `${file} imports ${specifier}`).toContain(own);
      if (specifier.startsWith('cloudflare:')) expect(own, `${file} imports ${specifier}`).toBe('workers');
      if (!specifier.startsWith('.')) continue;
      const target = layerOf(path.posix.join(path.posix.dirname(file), specifier));
      if (target === own) continue;
      expect(allowed, `${file} imports ${specifier}: ${own} may not import ${target}`).toContain(target);
    }
  });
  test('controllers do not import one another', () => {
    for (const file of sources.filter((f) => f.startsWith('src/controllers/'))) {
      const own = file.split('/')[2];
      for (const specifier of imports(file).filter((s) => s.startsWith('.'))) {
        const target = path.posix.join(path.posix.dirname(file), specifier);
        if (!target.startsWith('src/controllers/')) continue;
        expect([own, 'lib'], `${file} imports ${specifier}`).toContain(target.split('/')[2]);
      }
    }
  });
});

const bans: { pattern: RegExp; use: string; except?: RegExp }[] = [
  {
    pattern: /\bDate\.now\(\)|\bnew Date\(\)/,
    use: 'clock.now()',
    except: /^(src\/cli|node-agent|workers\/adapters)\//,
  },
  { pattern: /\bMath\.random\(\)/, use: 'the Random port', except: /^node-agent\/|^workers\/adapters\/|^src\/cli\// },
  {
    pattern: /\bcrypto\.(randomUUID|getRandomValues)\(/,
    use: 'the Random port',
    except: /^(src\/cli|node-agent|workers\/adapters)\//,
  },
  { pattern: /\bsetInterval\(/, use: 'a deadline (nothing ticks)', except: /^(node-agent|src\/cli)\// },
  {
    pattern: /\bconsole\.(log|info|debug)\(/,
    use: 'the Log port',
    except: /^(src\/cli|node-agent|workers\/adapters)\//,
  },
  { pattern: /\beval\(|\bnew Function\(/, use: 'nothing: workerd forbids it' },
];

test.each(bans)('$pattern is banned: use $use', ({ pattern, except }) => {
  const offenders = sources.filter(
    (f) =>
      !except?.test(f) &&
      read(f)
        .split('\n')
        .some((l) => !/^\s*(\/\/|\*|\/\*)/.test(l) && pattern.test(l)),
  );
  expect(offenders).toEqual([]);
});

/** Longer than the limit for now. Entries may only shrink or go. */
const linesMax = 400;
const longer: Record<string, number> = {};
test('files are of a size that one holds in the head', () => {
  const found = sources
    .filter((f) => !f.startsWith('src/generated/'))
    .map((f) => [f, read(f).split('\n').length] as const)
    .filter(([f, n]) => n > (longer[f] ?? linesMax));
  expect(found).toEqual([]);
});

test('every file begins by saying what it is', () => {
  const silent = sources.filter((f) => !f.startsWith('src/generated/') && !/^(#!.*\n)?(\/\/|\/\*)/.test(read(f)));
  expect(silent).toEqual([]);
});

test('what is generated is fresh', () => {
  execFileSync(process.execPath, ['src/cli/gen/main.ts', '--check'], { cwd: root, stdio: 'pipe' });
});

test('nothing names the machine it was written on', () => {
  const texts = ['*.ts', '*.md', '*.json', '*.yaml', '*.toml', '*.sh', 'tiffin', 'test/run', '.ci/run'].flatMap(list);
  const foreign = new RegExp(
    [
      ['', 'work', ''],
      ['shared', 'k8s'],
      ['shared', 'kit'],
    ]
      .map((parts) => parts.join('/'))
      .join('|'),
  );
  expect(texts.filter((f) => f !== 'package-lock.json' && foreign.test(read(f)))).toEqual([]);
});
