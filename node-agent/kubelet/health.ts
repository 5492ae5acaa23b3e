// /healthz and its checks, in the texts of k8s.io/apiserver's healthz.
import { type Answer, failure, notFound, type Request, text } from './http.ts';

export interface Check {
  name: string;
  /** Why it fails. */
  run(): string | undefined;
}

export function health(checks: readonly Check[], { path, query }: Request): Answer {
  if (path !== '/healthz') {
    const check = checks.find((c) => path === `/healthz/${c.name}`);
    if (!check) return notFound();
    const why = check.run();
    return why === undefined ? text('ok') : failure(`internal server error: ${why}`, 500);
  }
  const excluded = new Set(query.getAll('exclude'));
  let failed = false;
  let lines = '';
  for (const { name, run } of checks) {
    if (excluded.delete(name)) {
      lines += `[+]${name} excluded: ok\n`;
      continue;
    }
    const bad = run() !== undefined;
    failed ||= bad;
    lines += bad ? `[-]${name} failed: reason withheld\n` : `[+]${name} ok\n`;
  }
  if (excluded.size > 0)
    lines += `warn: some health checks cannot be excluded: no matches for ${[...excluded].map((e) => JSON.stringify(e)).join(',')}\n`;
  if (failed) return failure(`${lines}healthz check failed`, 500);
  return text(query.has('verbose') ? `${lines}healthz check passed\n` : 'ok');
}
