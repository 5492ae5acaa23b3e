import { expect, test } from 'vitest';
import type { NodeWrite } from '../../src/protocol/node.ts';
import { FakeTimers } from '../testing/timers.ts';
import { LinkError } from './api.ts';
import { Reporter } from './reporter.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const status = (uid: string, phase: string): NodeWrite => ({
  type: 'podStatus',
  namespace: 'd',
  name: uid,
  uid,
  status: { phase },
});
const gone = (uid: string): NodeWrite => ({ type: 'podGone', namespace: 'd', name: uid, uid });
const brief = (w: NodeWrite): string => (w.type === 'podStatus' ? `${w.uid}=${String(w.status.phase)}` : w.type);

function reporter(answers: (number | 'away')[]) {
  const timers = new FakeTimers();
  const batches: string[][] = [];
  const answered: string[] = [];
  const r = new Reporter({
    timers,
    log: quiet,
    send: async (writes) => {
      batches.push(writes.map(brief));
      const code = answers.shift() ?? 200;
      if (code === 'away') throw new LinkError(0, 'refused');
      return { results: writes.map(() => ({ code })) };
    },
    answered: (w, code) => answered.push(`${brief(w)} ${code}`),
  });
  return { timers, batches, answered, r };
}

test('only the newest status of a pod, in order with its end', async () => {
  const { timers, batches, r } = reporter([]);
  r.add(status('a', 'Pending'));
  r.add(status('b', 'Pending'));
  r.add(status('a', 'Running'));
  r.add(gone('a'));
  await timers.advance(0);
  expect(batches).toEqual([]);
  r.open();
  await timers.advance(0);
  expect(batches).toEqual([['b=Pending', 'a=Running', 'podGone']]);
});

test('nothing is lost while nobody answers, and what is newer wins', async () => {
  const { timers, batches, answered, r } = reporter(['away', 'away', 200]);
  r.open();
  r.add(status('a', 'Pending'));
  await timers.advance(100);
  r.add(status('a', 'Running'));
  await timers.advance(10_000);
  expect(batches).toEqual([['a=Pending'], ['a=Running'], ['a=Running']]);
  expect(answered).toEqual(['a=Running 200']);
});

test('a write that the other side could not do just now is sent again', async () => {
  const { timers, batches, answered, r } = reporter([503, 409]);
  r.open();
  r.add(status('a', 'Running'));
  await timers.advance(1000);
  expect(batches).toHaveLength(2);
  expect(answered).toEqual(['a=Running 409']);
});

test('that a pod is on its way waits for something better to say, but not long; events wait for each other', async () => {
  const { timers, batches, r } = reporter([]);
  const event = (): NodeWrite => ({ type: 'event', object: {} });
  const creating = (uid: string): NodeWrite => ({
    type: 'podStatus',
    namespace: 'd',
    name: uid,
    uid,
    status: {
      phase: 'Pending',
      containerStatuses: [{ restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } }],
    },
  });
  r.open();
  r.add(creating('a'));
  r.add(creating('b'));
  r.add(creating('c'));
  r.add(event());
  await timers.advance(300);
  expect(batches).toEqual([]);
  r.add(creating('a'));
  r.add(status('b', 'Running'));
  r.add(gone('c'));
  r.add(event());
  await timers.advance(0);
  expect(batches).toEqual([['c=Pending', 'b=Running', 'podGone']]);
  await timers.advance(100);
  expect(batches.slice(1)).toEqual([['a=Pending']]);
  await timers.advance(100);
  expect(batches.slice(2)).toEqual([['event', 'event']]);
});
