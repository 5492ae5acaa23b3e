// Sends the corpus to both servers, case by case, and judges what differs: known (see known.yaml) or not.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { expand, readCorpus, type Step } from './corpus.ts';
import { differences } from './differences.ts';
import { type Answer, ours, peer, type Side, startPeer } from './sides.ts';

interface Known {
  /** Part of `file: case: request`, as a regular expression; absent: everywhere. */
  in?: string;
  /** The difference's line, as a regular expression; absent: any, where `codes` says how the answers differ as a whole. */
  difference?: string;
  /** Status codes, `peer | ours`; absent: any. */
  codes?: string;
  /** What our answer contains, as a regular expression. */
  says?: string;
  because: string;
}

export interface CompareOptions {
  kit?: string | undefined;
  bin?: string | undefined;
  /** A peer that is running already: the directory given to `peer.sh up`. */
  peer?: string | undefined;
  port?: string | undefined;
  only: string;
  verbose: boolean;
  /** Prints what is known too, each with its reason. */
  known: boolean;
}

interface Runner {
  side: Side;
  vars: Record<string, unknown>;
}

/** Prints each difference on a line; whether there was none that is not known. */
export async function compare(options: CompareOptions): Promise<boolean> {
  const here = import.meta.dirname;
  const known = (parse(fs.readFileSync(path.join(here, 'known.yaml'), 'utf8')) as Known[]).map((one) => ({
    ...one,
    in: new RegExp(one.in ?? ''),
    difference: new RegExp(`^(?:${one.difference ?? '.*'})$`),
    says: new RegExp(one.says ?? ''),
    count: 0,
  }));
  const cases = readCorpus(path.join(here, 'corpus')).filter(({ file, say }) =>
    `${file}: ${say}`.includes(options.only),
  );
  const { dir, down } = peerOf(options);
  const run = Date.now().toString(36);
  const [theirs, own] = [peer(dir), await ours()];
  let requests = 0;
  let unknown = 0;
  let allowed = 0;
  try {
    for (const [number, one] of cases.entries()) {
      const ns = `compare-${run}-${number}`;
      const runners = [theirs, own].map((side): Runner => ({ side, vars: { ns, run } }));
      for (const runner of runners) await prepare(runner, ns);
      for (const step of one.steps) {
        requests++;
        const [a, b] = (await Promise.all(runners.map((runner) => perform(runner, step)))) as [Answer, Answer];
        const names = { [ns]: 'NS', [run]: 'RUN' };
        const where = `${one.file}: ${one.say}: ${step.title}`;
        const lines = differences(a, b, { theirs: names, ours: names });
        if (options.verbose)
          console.log(`${where}\n    ${a.code} ${a.text.slice(0, 600)}\n    ${b.code} ${b.text.slice(0, 600)}`);
        const here = known.filter(
          ({ in: at, codes, says }) =>
            at.test(where) && says.test(b.text) && (codes === undefined || codes === `${a.code} | ${b.code}`),
        );
        const judged = lines.map((line) => ({ line, by: here.find(({ difference }) => difference.test(line)) }));
        for (const { by } of judged) if (by) by.count++;
        allowed += judged.filter(({ by }) => by).length;
        const news = judged.filter(({ by }) => !by);
        unknown += news.length;
        const shown = options.known ? judged : news;
        const reason = (by: { because: string } | undefined): string => (by ? `    # ${by.because}` : '');
        if (shown.length > 0)
          console.log(`${where}\n${shown.map(({ line, by }) => `    ${line}${reason(by)}`).join('\n')}`);
      }
      for (const { side } of runners)
        await side.send({ method: 'DELETE', path: `/api/v1/namespaces/${ns}`, headers: {} });
    }
  } finally {
    theirs.close();
    down();
  }
  if (options.only === '')
    for (const { count, difference, because } of known)
      if (count === 0) console.log(`never met: ${difference.source} (${because})`);
  console.log(`\n${cases.length} cases, ${requests} requests: ${unknown} differences, ${allowed} more that are known`);
  return unknown === 0;
}

/** A namespace with the service account that pods need. */
async function prepare({ side }: Runner, name: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const post = (path: string, body: unknown) =>
    side.send({ method: 'POST', path, headers, body: JSON.stringify(body) });
  const { code, text } = await post('/api/v1/namespaces', { metadata: { name } });
  if (code !== 201) throw new Error(`no namespace: ${text}`);
  await post(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
}

async function perform({ side, vars }: Runner, step: Step): Promise<Answer> {
  const body = expand(step.raw ?? step.body, vars);
  const text = body === undefined ? undefined : step.raw !== undefined ? String(body) : JSON.stringify(body);
  const answer = await side.send({
    method: step.method,
    path: String(expand(step.path, vars)),
    headers: {
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(expand(step.headers, vars) as Record<string, string>),
    },
    ...(text === undefined ? {} : { body: text }),
  });
  if (step.save)
    try {
      vars[step.save] = JSON.parse(answer.text);
    } catch {}
  return answer;
}

function peerOf({ peer, kit, bin, port }: CompareOptions): { dir: string; down(): void } {
  if (peer) return { dir: peer, down: () => undefined };
  if (!kit || !bin) throw new Error('a running peer (--peer DIR), or what starts one (--kit DIR --bin DIR)');
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-peer-'));
  const { down } = startPeer(kit, bin, dir, port ?? '17443');
  return {
    dir,
    down: () => {
      down();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
