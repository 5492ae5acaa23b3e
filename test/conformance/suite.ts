// Kubernetes' own conformance suite against a running cluster: runs KIT/conformance.sh and holds what did not pass against
// docs/conformance.md, which says why each does not: always, or by the timing of the run.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type Allowed, readAllowed } from './allowed.ts';

export interface SuiteOptions {
  kit: string;
  bin: string;
  kubeconfig: string;
  out: string;
  /** Go's regular expressions on whole names. */
  focus: string;
  skip: string;
  parallel: string;
  kubectl?: string;
  /** Beyond the conformance specs. */
  any: boolean;
}

/** What this release is about; the groups that wait for later ones are named in docs/conformance.md. */
export const ownSpecs = {
  focus: '\\[sig-(api-machinery|cli|instrumentation)\\]',
  skip: 'Webhook|CustomResource|Aggregator',
};

export const suiteHeadings = { never: 'Specs that do not pass', sometimes: 'Specs that pass or fail by timing' };

/** Runs the suite and returns its summary. */
export async function runSuite(options: SuiteOptions): Promise<string> {
  const { kit, any, out, ...named } = options;
  const flags = Object.entries({ ...named, out }).flatMap(([name, value]) => (value ? [`--${name}`, value] : []));
  if (any) flags.push('--any');
  const child = spawn(path.join(kit, 'conformance.sh'), flags, { stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve));
  if (code !== 0 && code !== 1) throw new Error(`conformance.sh ended with ${code}`);
  return fs.readFileSync(path.join(out, 'summary.txt'), 'utf8');
}

export interface SpecResult {
  name: string;
  passed: boolean;
}

/** The lines of a summary that are about a spec: `ok   1.2  NAME`; one that skipped itself has nothing against us. */
export function readSummary(summary: string): SpecResult[] {
  return summary.split('\n').flatMap((line) => {
    const [, status, name] = /^(ok|FAIL|skip|not run) +(?:[\d.]+ +|- +)?(\S.*)$/.exec(line) ?? [];
    return status && name ? [{ name, passed: status === 'ok' || status === 'skip' }] : [];
  });
}

export interface SuiteJudgement {
  unlisted: string[];
  listed: string[];
  /** Patterns of what never passes that only specs match which do; those that nothing in this run matches are left alone. */
  stale: string[];
}

export function judgeSuite(results: readonly SpecResult[], page: string): SuiteJudgement {
  const never = readAllowed(page, suiteHeadings.never);
  const list = [...never, ...readAllowed(page, suiteHeadings.sometimes)];
  const failed = results.filter(({ passed }) => !passed).map(({ name }) => name);
  const isListed = (name: string) => list.some((one) => one.matches(name));
  const onlyPasses = (one: Allowed) => {
    const about = results.filter(({ name }) => one.matches(name));
    return about.length > 0 && about.every(({ passed }) => passed);
  };
  return {
    unlisted: failed.filter((name) => !isListed(name)),
    listed: failed.filter(isListed),
    stale: never.filter(onlyPasses).map(({ pattern }) => pattern),
  };
}
