// `npm run sim -- [--seed S] [--seeds N] [--steps N] [--verbose]`: whole clusters from seeds, faster than real time. Without a
// seed: N consecutive ones from a new start, printed; and the known ones of seeds.ts always. Exit code 1 and the
// trace of what was done when anything was wrong: the same seed and steps bring it back.
import { parseArgs } from 'node:util';
import { deterministic } from '../harness/time.ts';
import { simulate } from './run.ts';
import { knownSeeds } from './seeds.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
    verbose: { type: 'boolean', default: false },
  },
});
const count = Number(values.seeds);
const steps = Number(values.steps);
const first = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
if (![count, steps, first].every((n) => Number.isSafeInteger(n) && n >= 0)) {
  console.error('usage: npm run sim -- [--seed S] [--seeds N] [--steps N] [--verbose]');
  process.exit(2);
}

deterministic();
const planned = Array.from({ length: count }, (_, i) => ({ seed: first + i, steps, found: '' }));
if (values.seed === undefined) planned.unshift(...knownSeeds);
let failed = 0;
for (const { seed, steps: length, found } of planned) {
  const before = process.cpuUsage();
  const { problems, trace, virtualSeconds, revision } = await simulate(seed, length, (line) => {
    if (values.verbose) console.log(line);
  });
  const { user, system } = process.cpuUsage(before);
  const took = `${Math.round(virtualSeconds / 60)} virtual minutes, ${revision} revisions in ${((user + system) / 1e6).toFixed(1)} s of CPU`;
  console.log(`seed ${seed}: ${problems.length === 0 ? 'ok' : 'FAILED'}, ${took}${found ? ` (once: ${found})` : ''}`);
  if (problems.length === 0) continue;
  failed++;
  if (!values.verbose) for (const line of trace.slice(-400)) console.log(line);
  console.log(problems.map((problem) => `  ${problem}`).join('\n'));
  console.log(`again: npm run sim -- --seed ${seed} --steps ${length}`);
}
console.log(`${planned.length - failed} of ${planned.length} simulations ok`);
process.exit(failed > 0 ? 1 : 0);
