// Runs the suites one after another (they share two cores and one kernel) and prints one closing line for all of them:
// `N passed, N failed, N skipped`, after what failed, by name. A suite that cannot even start counts as one failure.
//
//   npm test                  everything
//   npm test -- unit e2e      only these
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { aptInstall, canInstall, missingPackages } from '../src/cli/packages.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, with the first line of why: a log's end must be enough to know. */
  failures: string[];
}

/** The part of vitest's JSON report that is read. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

interface Suite {
  name: string;
  /** What it covers, printed when it starts. */
  about: string;
  run(): Promise<Counts>;
}

const root = path.resolve(import.meta.dirname, '..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-test-'));
const one = (ok: boolean): Counts => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, failures: [] });
const firstLine = (text = ''): string => text.split('\n', 1)[0] ?? '';

/** The tests that failed, and the files that could not be run. */
function failures(report: Report): string[] {
  return report.testResults.flatMap((file) => {
    const name = path.relative(root, file.name);
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0 && file.status === 'failed') return [`${name}: ${firstLine(file.message)}`];
    return failed.map((test) => `${name} > ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
  });
}

/** Runs a program with its output shown; resolves whether it exited with 0. */
function shown(command: string, args: string[], env: Record<string, string> = {}): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/** A vitest configuration; counts come from its JSON report, so that a crash before the report is a failure. */
function vitest(name: string, about: string, config: string): Suite {
  return {
    name,
    about,
    run: async () => {
      const report = path.join(scratch, `${name}.json`);
      const ok = await shown('vitest', [
        'run',
        '--config',
        config,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ]);
      if (!fs.existsSync(report)) return one(false);
      const counted: Report = JSON.parse(fs.readFileSync(report, 'utf8'));
      return {
        passed: counted.numPassedTests,
        // Vitest also fails on errors outside tests, which no counter shows.
        failed: ok ? counted.numFailedTests : Math.max(1, counted.numFailedTests),
        skipped: counted.numPendingTests + counted.numTodoTests,
        failures: failures(counted),
      };
    },
  };
}

const command = (name: string, about: string, program: string, ...args: string[]): Suite => ({
  name,
  about,
  run: async () => one(await shown(program, args)),
});

const suites: Suite[] = [
  command('check', 'types, lint and format', 'npm', 'run', '--silent', 'check'),
  vitest('unit', 'unit and property tests, the layers of the code', 'vitest.config.ts'),
  vitest('workers', 'inside workerd', 'vitest.workers.config.ts'),
  command(
    'bundle',
    'the bundle that would be deployed, with its size',
    'wrangler',
    'deploy',
    '--dry-run',
    '--outdir',
    path.join(scratch, 'bundle'),
  ),
  command(
    'sim',
    'whole clusters from seeds, faster than real time',
    process.execPath,
    'test/sim/main.ts',
    '--seeds',
    '5',
  ),
  // By itself: what is measured against the clock there should not wait for other tests.
  command('streams', 'streams cut on any hop, from seeds', process.execPath, 'test/streams/main.ts', '--rounds', '3'),
  vitest('host', 'the parts that need a kernel of their own', 'vitest.host.config.ts'),
  vitest('e2e', 'real kubectl, real containers', 'test/e2e/vitest.config.ts'),
];

/** What `tiffin up` would install, before suites that need it; where it may not be installed they report themselves skipped. */
async function installHostPackages(): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!canInstall()) return console.log(`missing on this machine: ${missing.join(' ')}`);
  console.log(`installing from Debian: ${missing.join(' ')}`);
  await aptInstall(missing, path.join(scratch, 'apt.log'));
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.some((s) => s.name === name));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown.join(', ')} (there are: ${suites.map((s) => s.name).join(', ')})`);
  process.exit(2);
}
await installHostPackages();
const total: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
const lines: string[] = [];
for (const suite of suites.filter((s) => wanted.length === 0 || wanted.includes(s.name))) {
  console.log(`\n=== ${suite.name}: ${suite.about}`);
  const started = Date.now();
  const counts = await suite.run();
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  total.failures.push(...counts.failures.map((failure) => `FAILED ${suite.name}: ${failure}`));
  lines.push(
    `${suite.name.padEnd(8)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${Math.round((Date.now() - started) / 1000)} s`,
  );
}
fs.rmSync(scratch, { recursive: true, force: true });
console.log(
  `\n${[...lines, ...total.failures].join('\n')}\n\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
