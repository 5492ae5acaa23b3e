// `node node-agent/main.ts --config FILE`: runs the agents of one configuration until SIGTERM or SIGINT. Ending leaves all
// containers running.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildAgents } from './build.ts';
import type { AgentConfig } from './config.ts';
import { lockDirectory } from './lock.ts';
import { stderrLog, systemRandom, systemTimers } from './platform.ts';

const { values } = parseArgs({
  options: { config: { type: 'string' }, 'log-level': { type: 'string', default: 'info' } },
});
if (!values.config) {
  process.stderr.write('usage: node node-agent/main.ts --config FILE [--log-level LEVEL]\n');
  process.exit(2);
}

const config = JSON.parse(readFileSync(values.config, 'utf8')) as AgentConfig;
const { heldBy } = lockDirectory(config.stateDir);
if (heldBy !== undefined) {
  process.stderr.write(`another agent (pid ${heldBy}) works in ${config.stateDir}\n`);
  process.exit(1);
}
const agents = buildAgents(config, {
  timers: systemTimers,
  random: systemRandom,
  log: (node) => stderrLog({ node }, values['log-level']),
});

const stop = (): void => {
  void Promise.allSettled(agents.map((a) => a.stop())).then(() => process.exit(0));
  // Nothing that hangs may keep a node from being stopped.
  setTimeout(() => process.exit(0), 2000).unref();
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

const log = stderrLog({ node: config.nodeName }, values['log-level']);
// One fault of one pod must not end the node: it is said, and the step is tried again.
process.on('unhandledRejection', (error) =>
  log.error('unhandled rejection', { error: error instanceof Error ? error.stack : String(error) }),
);

for (const agent of agents) await agent.start();
