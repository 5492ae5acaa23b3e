// `node test/streams/main.ts [--seed S] [--rounds N] [--streams N] [--at-once N] [--calm] [--abrupt] [--verbose]`: tortures streams for as long
// as is asked for, from one seed after the other, each printed. Exit code 1 when anything was wrong.

import { parseArgs } from 'node:util';
import { Rig } from './rig.ts';
import { prepare, torture } from './torture.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    streams: { type: 'string', default: '200' },
    'at-once': { type: 'string', default: '16' },
    calm: { type: 'boolean', default: false },
    abrupt: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const first = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const rig = new Rig(values.verbose);
let failed = 0;
try {
  await rig.up();
  const subject = await prepare(rig);
  for (let round = 0; round < Number(values.rounds); round++) {
    const seed = first + round;
    const started = performance.now();
    const { problems, counts } = await torture(rig, subject, {
      seed,
      streams: Number(values.streams),
      atOnce: Number(values['at-once']),
      disasters: !values.calm,
      abrupt: values.abrupt,
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`seed ${seed}: ${problems.length === 0 ? 'ok' : 'FAILED'} in ${seconds} s, ${JSON.stringify(counts)}`);
    for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
    if (problems.length > 0) failed++;
  }
} finally {
  await rig.down();
}
process.exit(failed > 0 ? 1 : 0);
