// Which checks hold at a level in a version, and what they find. Worked out once for each version that differs.
import type { LevelVersion } from '../../../configuration/pod-security.ts';
import { baselineChecks } from './baseline.ts';
import type { Check, CheckedPod, CheckPod, Violation } from './checks.ts';
import { restrictedChecks } from './restricted.ts';

/** In the order in which violations are told: the baseline first, each level by id. */
export const allChecks: readonly Check[] = [...baselineChecks, ...restrictedChecks];

/** Later versions are as this one. */
const newestVersion = Math.max(...allChecks.flatMap(({ versions }) => versions.map(({ since }) => since)));

const known = new Map<string, readonly CheckPod[]>();

function checksOf({ level, version }: LevelVersion): readonly CheckPod[] {
  if (level === 'privileged') return [];
  const minor = Math.min(version === 'latest' ? newestVersion : Number(version.slice('v1.'.length)), newestVersion);
  const key = `${level}:${minor}`;
  let checks = known.get(key);
  if (!checks) {
    checks = collect(level, minor);
    known.set(key, checks);
  }
  return checks;
}

function collect(level: Check['level'], minor: number): CheckPod[] {
  const held = allChecks
    .filter((check) => level === 'restricted' || check.level === 'baseline')
    .flatMap(({ id, versions }) => {
      const version = versions.findLast(({ since }) => since <= minor);
      return version ? [{ id, ...version }] : [];
    });
  const overridden = new Set(held.map(({ overrides }) => overrides));
  return held.filter(({ id }) => !overridden.has(id)).map(({ check }) => check);
}

export function evaluate(policy: LevelVersion, pod: CheckedPod): Violation[] {
  return checksOf(policy).flatMap((check) => check(pod) ?? []);
}

/** Of one pod. */
export const detailsText = (violations: readonly Violation[]): string =>
  violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');

/** Of many. */
export const reasonsText = (violations: readonly Violation[]): string =>
  violations.map(({ reason }) => reason).join(', ');
