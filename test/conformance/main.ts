// npm run conformance -- COMMAND [OPTIONS]: comparisons with what Kubernetes itself answers.
//
//   npm run conformance -- observed --facts DIR [--only WORD]
//   npm run conformance -- compare (--kit DIR --bin DIR [--port N] | --peer DIR) [--only WORD] [--verbose] [--known]
//   npm run conformance -- suite --kit DIR --bin DIR --kubeconfig FILE [--focus RE] [--skip RE] [--parallel N] [--any] [--out DIR]
//
// `observed` starts the API server in this process, over an empty SQLite database, and holds its aggregated discovery, its
// table columns and the objects of a new cluster against DIR/observed/*.json, which were read off a Kubernetes 1.36 server.
// It prints each difference on a line, `listed` where docs/differences.md names it (see allowed.ts), `DIFFERS` where not,
// and `stale` where the page lists what no longer differs. It exits with 1 when there is a DIFFERS or a stale line.
// --only WORD shows only lines that contain WORD (`policy/v1`, `tables`, `ClusterRole`); the exit code heeds the same.
//
// `compare` sends the requests of compare/corpus to a real API server (of release 1.20, which kit/peer.sh starts from the
// programs in --bin; --peer names the directory of one that is running) and to ours, and prints in what the answers differ:
// the peer's, then ours. It exits with 1 when that is more than compare/known.yaml explains; --known prints what is explained too.
//
// `suite` runs Kubernetes' conformance specs (kit/conformance.sh; by default those of [sig-api-machinery], [sig-cli] and
// [sig-instrumentation] that need no custom resources, webhooks or aggregation) against a running cluster. It exits with 1 when
// one does not pass that docs/conformance.md does not list, or one passes that is listed there.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { testServer } from '../../src/apiserver/testing.ts';
import { openSql } from '../harness/sql.ts';
import { judge, readAllowed } from './allowed.ts';
import { compare } from './compare/compare.ts';
import { compareBootstrap, compareDiscovery, compareTables } from './observed.ts';
import { judgeSuite, ownSpecs, readSummary, runSuite, type SuiteOptions } from './suite.ts';

const root = path.resolve(import.meta.dirname, '../..');

async function observed(facts: string, only: string): Promise<boolean> {
  const read = (name: string) => JSON.parse(fs.readFileSync(path.join(facts, 'observed', name), 'utf8'));
  const { call } = await testServer(openSql());
  const get = async (url: string, accept?: string) => {
    const { code, json } = await call('GET', url, undefined, accept ? { accept } : {});
    return code === 200 ? json : undefined;
  };
  const differences = [
    ...(await compareDiscovery(get, read('discovery.json'))),
    ...(await compareTables(get, read('table-columns.json'))),
    ...(await compareBootstrap(get, read('discovery.json'), read('bootstrap-objects.json'))),
  ];
  const allowed = readAllowed(fs.readFileSync(path.join(root, 'docs/differences.md'), 'utf8'));
  const { unlisted, listed, stale } = judge(differences, allowed);
  const shown = (lines: readonly string[]) => lines.filter((line) => line.includes(only));
  for (const line of shown(listed)) console.log(`listed   ${line}`);
  for (const line of shown(stale)) console.log(`stale    ${line}`);
  for (const line of shown(unlisted)) console.log(`DIFFERS  ${line}`);
  const counts = [shown(unlisted), shown(listed), shown(stale)].map(({ length }) => length);
  console.log(`\n${counts[0]} differences that are not listed, ${counts[1]} that are, ${counts[2]} listed in vain`);
  return counts[0] === 0 && counts[2] === 0;
}

async function suite(options: SuiteOptions): Promise<boolean> {
  const results = readSummary(await runSuite(options));
  const page = fs.readFileSync(path.join(root, 'docs/conformance.md'), 'utf8');
  const { unlisted, listed, stale } = judgeSuite(results, page);
  for (const name of unlisted) console.log(`FAILS   ${name}`);
  for (const pattern of stale) console.log(`stale   ${pattern}`);
  console.log(
    `\n${unlisted.length} that fail and are not listed, ${listed.length} that are, ${stale.length} listed in vain`,
  );
  return results.length > 0 && unlisted.length === 0 && stale.length === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    facts: { type: 'string' },
    kit: { type: 'string' },
    bin: { type: 'string' },
    peer: { type: 'string' },
    port: { type: 'string' },
    only: { type: 'string', default: '' },
    verbose: { type: 'boolean', default: false },
    known: { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
    kubectl: { type: 'string' },
    focus: { type: 'string' },
    skip: { type: 'string' },
    parallel: { type: 'string', default: '4' },
    any: { type: 'boolean', default: false },
    out: { type: 'string', default: 'conformance-out' },
  },
});
const [command] = positionals;
if (command === 'observed' && values.facts) process.exit((await observed(values.facts, values.only)) ? 0 : 1);
if (command === 'compare' && (values.peer || (values.kit && values.bin))) process.exit((await compare(values)) ? 0 : 1);
const { kit, bin, kubeconfig, kubectl, parallel, any, out } = values;
if (command === 'suite' && kit && bin && kubeconfig) {
  const chosen = values.focus === undefined ? ownSpecs : { focus: values.focus, skip: '' };
  const { focus, skip } = { ...chosen, ...(values.skip === undefined ? {} : { skip: values.skip }) };
  const named = { kit, bin, kubeconfig, out, focus, skip, parallel, any, ...(kubectl ? { kubectl } : {}) };
  process.exit((await suite(named)) ? 0 : 1);
}
console.error('usage: npm run conformance -- observed | compare | suite [OPTIONS]   (see test/conformance/main.ts)');
process.exit(2);
