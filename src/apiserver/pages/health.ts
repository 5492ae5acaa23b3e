// /healthz, /livez and /readyz: named checks, all at once or one by one, in upstream's words. A failure's reason goes to the
// log only: the sums are open to everyone.
import type { ReadView } from '../../ledger/types.ts';
import { HttpAnswer } from '../../machinery/http.ts';
import type { Log } from '../../ports/index.ts';
import { pageNotFound } from '../negotiation/respond.ts';

/** Undefined: fine; otherwise what is wrong. */
export type Check = () => string | undefined;
export type HealthKind = 'healthz' | 'livez' | 'readyz';

const plain = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache, private' };
const guarded = { ...plain, 'X-Content-Type-Options': 'nosniff' };

export class Health {
  readonly #checks: Record<HealthKind, ReadonlyMap<string, Check>>;
  readonly #log: Log;

  /** `alive` is asked by all three, `ready` by readyz alone. */
  constructor(alive: Readonly<Record<string, Check>>, ready: Readonly<Record<string, Check>>, log: Log) {
    const living = new Map(Object.entries(alive));
    this.#checks = { healthz: living, livez: living, readyz: new Map([...living, ...Object.entries(ready)]) };
    this.#log = log;
  }

  /** Paths of the sums and of each check. */
  paths(): string[] {
    return Object.entries(this.#checks).flatMap(([kind, checks]) => [
      `/${kind}`,
      ...[...checks.keys()].map((name) => `/${kind}/${name}`),
    ]);
  }

  answer(kind: HealthKind, name: string, query: URLSearchParams): HttpAnswer {
    return name === '' ? this.#sum(kind, query) : this.#single(kind, name);
  }

  #single(kind: HealthKind, name: string): HttpAnswer {
    const check = this.#checks[kind].get(name);
    if (!check) return pageNotFound();
    const problem = run(check);
    return problem === undefined
      ? new HttpAnswer('ok', { headers: plain })
      : new HttpAnswer(`internal server error: ${problem}\n`, { status: 500, headers: guarded });
  }

  #sum(kind: HealthKind, query: URLSearchParams): HttpAnswer {
    const checks = this.#checks[kind];
    const excluded = new Set(query.getAll('exclude'));
    const lines: string[] = [];
    const failed: string[] = [];
    for (const [name, check] of checks) {
      if (excluded.has(name)) {
        lines.push(`[+]${name} excluded: ok`);
        continue;
      }
      const problem = run(check);
      lines.push(problem === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
      if (problem === undefined) continue;
      failed.push(name);
      this.#log.warn(`${kind} check failed`, { check: name, problem });
    }
    const unknown = [...excluded].filter((name) => !checks.has(name)).sort();
    if (unknown.length > 0)
      lines.push(
        `warn: some health checks cannot be excluded: no matches for ${unknown.map((name) => JSON.stringify(name)).join(',')}`,
      );
    if (failed.length > 0)
      return new HttpAnswer(`${lines.join('\n')}\n${kind} check failed\n`, { status: 500, headers: guarded });
    const text = query.has('verbose') ? `${lines.join('\n')}\n${kind} check passed\n` : 'ok';
    return new HttpAnswer(text, { headers: guarded });
  }
}

function run(check: Check): string | undefined {
  try {
    return check();
  } catch (error) {
    return String(error);
  }
}

/** What is wrong when the ledger is read; undefined: it answers. */
export function ledgerProblem(ledger: ReadView): string | undefined {
  try {
    ledger.range({ start: '', end: '~', limit: 1 });
    return undefined;
  } catch (error) {
    return String(error);
  }
}
