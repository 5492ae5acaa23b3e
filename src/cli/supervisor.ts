// The supervisor: keeps the components of one state directory running. Reads DIR/components.json, adopts what runs already,
// starts what does not, and again whenever one ends, after a pause that grows while it keeps ending. SIGHUP: read the file
// again. SIGTERM: end, leaving everything running (`down` stops the components itself, afterwards).
// It holds no state of its own: kill -9 and start it again, and it adopts what it finds.
import fs from 'node:fs';
import { statePaths } from './paths.ts';
import { type Component, end, find, graceMsOf, start } from './processes.ts';

const pollMs = 200;
/** Audit files, of about 1 MiB each, that are kept. */
const auditFilesMax = 100;
const auditPruneMs = 60_000;
const backoffMaxMs = 10_000;
/** One that ran this long is healthy: the next restart is immediate. */
const healthyMs = 10_000;

const paths = statePaths(process.argv[2] ?? '');

interface Watched {
  startedAt: number;
  failures: number;
  notBefore: number;
  busy: boolean;
}
const watched = new Map<string, Watched>();
let components: Component[] = [];

function say(message: string): void {
  console.log(`${new Date().toISOString()} ${message}`);
}

function load(): void {
  try {
    components = JSON.parse(fs.readFileSync(paths.components, 'utf8')) as Component[];
  } catch (error) {
    say(`cannot read ${paths.components}: ${(error as Error).message}`);
  }
}

async function look(component: Component): Promise<void> {
  const now = performance.now();
  let state = watched.get(component.name);
  if (!state) {
    state = { startedAt: now, failures: 0, notBefore: 0, busy: false };
    watched.set(component.name, state);
  }
  if (state.busy) return;
  const running = find(paths, component.name);
  if (running && running.fingerprint === component.fingerprint) return;
  state.busy = true;
  try {
    if (running) {
      say(`${component.name}: pid ${running.pid} is an older version, ending it`);
      await end(running.pid, graceMsOf(component.name));
      state.failures = 0;
    } else if (state.notBefore <= now) {
      // Down, and not yet waited for: the first restart is immediate.
      state.failures = now - state.startedAt > healthyMs ? 0 : state.failures + 1;
      const pause = state.failures <= 1 ? 0 : Math.min(backoffMaxMs, 100 * 2 ** (state.failures - 2));
      if (pause > 0) {
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (find(paths, component.name)) return;
      }
    }
    let pid = 0;
    pid = await start(paths, component, (why) => {
      say(`${component.name}: ${pid > 0 ? `pid ${pid} ended` : 'not started'} (${why})`);
      if (!stopping) void look(component);
    });
    state.startedAt = performance.now();
    if (pid > 0) say(`${component.name}: started, pid ${pid}`);
  } finally {
    state.busy = false;
  }
}

/** Their names are their times. */
function pruneAudit(): void {
  const files = fs.existsSync(paths.audit) ? fs.readdirSync(paths.audit).filter((name) => name.endsWith('.jsonl')) : [];
  for (const name of files.sort().slice(0, -auditFilesMax)) fs.rmSync(`${paths.audit}/${name}`, { force: true });
}

let stopping = false;
process.on('SIGHUP', () => {
  load();
  for (const component of components) void look(component);
});
process.on('SIGTERM', () => {
  stopping = true;
  say('ending; the components go on');
  process.exit(0);
});

load();
say(`supervising ${components.map((c) => c.name).join(', ')}`);
// Components that someone else started are not children: looking is the only way to learn that they ended.
setInterval(() => {
  // The state directory is gone: nothing left to look after.
  if (!fs.existsSync(paths.dir)) process.exit(0);
  for (const component of components) void look(component);
}, pollMs);
for (const component of components) void look(component);
pruneAudit();
setInterval(pruneAudit, auditPruneMs);
