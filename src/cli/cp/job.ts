// What both directions of cp share: what there is to do, how a copy that failed is told, and what a container's own words are.
import type { Cluster } from '../cluster.ts';
import { CliError } from '../errors.ts';
import { formatBytes, formatSeconds, type Progress } from '../progress.ts';
import { Exec, type Outcome } from './exec.ts';
import { isMissing, noTar } from './source.ts';

export interface Job {
  cluster: Cluster;
  namespace: string;
  pod: string;
  container: string | undefined;
  /** As it was typed. */
  local: string;
  /** The path in the container, as it was typed. */
  remote: string;
  preserve: boolean;
  /** How often a download is gone on with after a cut. */
  retries: number;
  signal: AbortSignal;
  progress: Progress;
}

export interface Copied {
  files: number;
  /** What was left out although it should not have been, or is not as it should be. */
  problems: number;
}

/** Runs a command in the job's container. */
export const runIn = (job: Job, command: readonly string[], stdin: boolean): Promise<Exec> =>
  Exec.open(job.cluster, { ...job, command, stdin }, job.signal);

/** The copy ended before it was whole: says why, and how much there is. */
export class Interrupted extends CliError {}

const noise =
  /^tar: (Exiting with failure status due to previous errors|error exit delayed from previous errors|Error is not recoverable: exiting now)$/;
const linesMax = 5;

/** What tar said, or the API server of it. */
export function wordsOf(outcome: Outcome): string {
  const lines = outcome.stderr.split('\n').filter((line) => line.trim() !== '' && !noise.test(line));
  const more = lines.length - linesMax;
  const shown = more > 0 ? [...lines.slice(0, linesMax), `and ${more} more lines`] : lines;
  if (shown.length > 0) return shown.join('\n').slice(0, 4000);
  return outcome.message || 'tar failed and did not say why';
}

/** Where a command did not even start for want of tar; undefined otherwise. */
export const missingTar = (job: Job, outcome: Outcome): CliError | undefined =>
  isMissing(outcome, 'tar')
    ? noTar(`pod ${job.namespace}/${job.pod}${job.container === undefined ? '' : `, container ${job.container}`}`)
    : undefined;

export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** Of less than that, a rate says only how long it took to begin. */
const ratedBytesMin = 1e6;

/** `12 files, 500 MB in 3.2 s (156 MB/s)`. */
export function summary(files: number, { bytes, elapsedMs }: Pick<Progress, 'bytes' | 'elapsedMs'>): string {
  const took = elapsedMs < 9950 ? `${(Math.max(100, elapsedMs) / 1000).toFixed(1)} s` : formatSeconds(elapsedMs / 1000);
  const rate = bytes >= ratedBytesMin && elapsedMs > 0 ? ` (${formatBytes((bytes * 1000) / elapsedMs)}/s)` : '';
  return `${count(files, 'file')}, ${formatBytes(bytes)} in ${took}${rate}`;
}

const shownMax = 20;

/** Prints the first of many. */
export class Notes {
  total = 0;
  readonly #progress: Progress;
  readonly #prefix: string;

  constructor(progress: Progress, prefix: string) {
    this.#progress = progress;
    this.#prefix = prefix;
  }

  readonly add = (message: string): void => {
    this.total++;
    if (this.total <= shownMax) this.#progress.note(`${this.#prefix}${message}`);
    else if (this.total === shownMax + 1) this.#progress.note('and more like these, which are not shown');
  };
}
