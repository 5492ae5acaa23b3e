import { expect, test } from 'vitest';
import { TestLog } from '../testing.ts';
import { Health } from './health.ts';

const fine = () => undefined;
const health = (broken?: string) =>
  new Health({ ping: fine, log: fine, disk: () => broken }, { peers: fine }, new TestLog());
const ask = async (one: Health, kind: 'livez' | 'readyz', name: string, query = '') => {
  const response = one.answer(kind, name, new URLSearchParams(query));
  return [response.status, response.body];
};

test('all checks at once, said one by one when that is asked for', async () => {
  expect(await ask(health(), 'livez', '')).toEqual([200, 'ok']);
  expect(await ask(health(), 'livez', '', 'verbose')).toEqual([
    200,
    '[+]ping ok\n[+]log ok\n[+]disk ok\nlivez check passed\n',
  ]);
  expect(await ask(health(), 'readyz', '', 'verbose&exclude=log&exclude=b&exclude=a')).toEqual([
    200,
    '[+]ping ok\n[+]log excluded: ok\n[+]disk ok\n[+]peers ok\n' +
      'warn: some health checks cannot be excluded: no matches for "a","b"\nreadyz check passed\n',
  ]);
});

test('a failure is told without its reason, unless that check alone is asked for', async () => {
  const text = '[+]ping ok\n[+]log ok\n[-]disk failed: reason withheld\nlivez check failed\n';
  expect(await ask(health('full'), 'livez', '')).toEqual([500, text]);
  expect(await ask(health('full'), 'livez', '', 'exclude=disk')).toEqual([200, 'ok']);
  expect(await ask(health('full'), 'livez', 'disk')).toEqual([500, 'internal server error: full\n']);
  expect(await ask(health('full'), 'livez', 'ping')).toEqual([200, 'ok']);
  expect((await ask(health(), 'livez', 'peers'))[0]).toBe(404);
  expect((await ask(health(), 'livez', '__proto__'))[0]).toBe(404);
});

test('a check that throws has failed', async () => {
  const throwing = new Health(
    {
      ping: () => {
        throw new Error('no');
      },
    },
    {},
    new TestLog(),
  );
  expect((await ask(throwing, 'livez', ''))[0]).toBe(500);
});
