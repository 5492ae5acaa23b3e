// One simulation: a seeded workload under seeded faults, then peace, then everything is looked at. The result holds what was
// done and what was wrong; without a problem, the cluster kept every promise in test/sim/invariants.ts and journal.ts.
import { SimulatedCluster } from '../harness/cluster.ts';
import { noFaults } from '../harness/objects.ts';
import { SeededRandom } from '../harness/time.ts';
import { FaultMaker } from './faults.ts';
import { problemsAtRest } from './invariants.ts';
import { checkNotTwice, Journal } from './journal.ts';
import { Watcher } from './watcher.ts';
import { Workload } from './workload.ts';

export interface Outcome {
  problems: string[];
  trace: string[];
  virtualSeconds: number;
  revision: number;
}

const watched: Record<string, string> = {
  pods: '/api/v1/pods',
  'deployments.apps': '/apis/apps/v1/deployments',
  'replicasets.apps': '/apis/apps/v1/replicasets',
  services: '/api/v1/services',
  'endpointslices.discovery.k8s.io': '/apis/discovery.k8s.io/v1/endpointslices',
  namespaces: '/api/v1/namespaces',
  nodes: '/api/v1/nodes',
};
/** Longer than any back-off or deadline: a crash loop comes round every five minutes. */
const restMs = 330_000;
const restMaxMs = 3 * 3600_000;
const problemsMax = 30;

export async function simulate(seed: number, steps: number, verbose: (line: string) => void): Promise<Outcome> {
  const random = new SeededRandom(seed);
  const trace: string[] = [];
  const problems: string[] = [];
  const startMs = Date.UTC(2026, 0, 1);
  const say = (text: string): void => {
    const line = `${((cluster.time.now() - startMs) / 1000).toFixed(3).padStart(9)}  r${journal.revision}  ${text}`;
    trace.push(line);
    verbose(line);
  };
  const fail = (text: string): void => {
    if (problems.length >= problemsMax) return;
    const short = text.length > 400 ? `${text.slice(0, 400)}…` : text;
    problems.push(short);
    say(`PROBLEM: ${short}`);
  };
  const journal = new Journal(fail);
  const cluster = new SimulatedCluster({
    seed: random.int(2 ** 31),
    nodes: 2 + random.int(5),
    capacity: { cpu: '4', memory: '4Gi', pods: String(8 + random.int(12)) },
    config: {
      defaultTolerationSeconds: 30,
      historyMs: random.pick([20_000, 300_000])!,
      longPoll: random.pick(['always', 'busy'] as const)!,
    },
    committed: (changes) => journal.committed(changes),
    started: (node, id) => void checkNotTwice(cluster, node, id).then((problem) => problem && fail(problem)),
    log: (component) => ({
      debug() {},
      info() {},
      warn: (message, fields) => verbose(`            ${component}: ${message} ${JSON.stringify(fields)}`),
      error: (message, fields) => {
        verbose(`            ${component}: ${message} ${JSON.stringify(fields)}`);
        if (!/over|disconnected/.test(JSON.stringify(fields)))
          fail(`${component}: ${message} ${JSON.stringify(fields)}`);
      },
    }),
  });
  const uncaught = (error: unknown): void =>
    fail(error instanceof Error ? (error.stack ?? String(error)) : String(error));
  process.on('unhandledRejection', uncaught);
  try {
    await cluster.start();
    await cluster.time.run(5_000);
    const watchers = Object.entries(watched).map(
      ([resource, path]) => new Watcher(cluster, journal, resource, path, fail),
    );
    for (const watcher of watchers) void watcher.run();
    const workload = new Workload(cluster, journal, random.fork(), say);
    const faults = new FaultMaker(cluster, random.fork(), say);
    const faulty = random.float() * 0.7;
    for (let step = 0; step < steps; step++) {
      if (random.chance(faulty)) faults.act();
      else workload.act();
      await cluster.time.run(random.chance(0.05) ? random.int(60_000) : random.int(2_500));
    }
    if (random.chance(0.5)) await partingBlow(cluster, workload, random, say);
    say('peace');
    faults.end();
    await cluster.time.run(30_000);
    workload.calm();
    await rest(cluster, journal, fail);
    say('at rest');
    for (const problem of await problemsAtRest(cluster, journal)) fail(problem);
    for (const watcher of watchers) watcher.check();
    acknowledged(workload, journal, fail);
    await quiet(cluster, journal, fail);
  } finally {
    cluster.stop();
    process.off('unhandledRejection', uncaught);
  }
  return { problems, trace, virtualSeconds: (cluster.time.now() - startMs) / 1000, revision: journal.revision };
}

/** The last thing that happens gets lost, and whoever knew of it dies: nothing that comes after reminds anyone of it. */
async function partingBlow(
  cluster: SimulatedCluster,
  workload: Workload,
  random: SeededRandom,
  say: (text: string) => void,
): Promise<void> {
  cluster.world.faults = noFaults;
  for (const node of cluster.nodes) {
    node.cut = false;
    if (!node.running) node.start();
  }
  await cluster.time.run(90_000);
  workload.act();
  await cluster.time.run(8);
  cluster.world.faults = { lost: 1, late: 0, twice: 0 };
  await cluster.time.run(random.int(30));
  say('everything is lost, and the API server with it');
  cluster.apiServer.evict();
  if (random.chance(0.5)) cluster.controllerManager.evict();
  if (random.chance(0.5)) cluster.scheduler.evict();
  await cluster.time.run(random.int(2_000));
}

/** Until nothing has been written for a while. */
async function rest(cluster: SimulatedCluster, journal: Journal, fail: (text: string) => void): Promise<void> {
  const untilMs = cluster.time.now() + restMaxMs;
  let revision = journal.revision;
  let sinceMs = cluster.time.now();
  while (cluster.time.now() - sinceMs < restMs) {
    await cluster.time.run(5_000);
    if (journal.revision !== revision) sinceMs = cluster.time.now();
    revision = journal.revision;
    if (cluster.time.now() > untilMs) {
      fail(`no rest: the last writes were ${JSON.stringify(journal.entries.slice(-10))}`);
      return;
    }
  }
}

/** What was answered with success is in the history, under the revision that the answer named. */
function acknowledged(workload: Workload, journal: Journal, fail: (text: string) => void): void {
  const written = new Set(journal.entries.map(({ revision, key }) => `${revision} ${key}`));
  for (const { key, revision, what } of workload.acknowledged)
    if (!written.has(`${revision} ${key}`)) fail(`acknowledged and lost: ${key} at ${revision}: ${what}`);
}

/** While nothing changes nothing is written, and the control plane sleeps: all that is armed is compaction and expiry. */
async function quiet(cluster: SimulatedCluster, journal: Journal, fail: (text: string) => void): Promise<void> {
  const { revision } = journal;
  const { apiServer, controllerManager, scheduler } = cluster;
  if (controllerManager.alarmMs !== undefined) fail(`the controllers' alarm is armed for ${controllerManager.alarmMs}`);
  if (scheduler.alarmMs !== undefined) fail(`the scheduler's alarm is armed for ${scheduler.alarmMs}`);
  const alarms = apiServer.alarms + controllerManager.alarms + scheduler.alarms;
  await cluster.time.run(300_000);
  const written = journal.entries.filter((entry) => entry.revision > revision && !entry.key.startsWith('events/'));
  if (written.length > 0) fail(`written at rest: ${JSON.stringify(written.slice(0, 10))}`);
  const rung = apiServer.alarms + controllerManager.alarms + scheduler.alarms - alarms;
  if (rung > 4) fail(`${rung} alarms in five minutes of rest`);
}
