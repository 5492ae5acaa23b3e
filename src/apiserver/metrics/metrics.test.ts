import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { openWatch, testServer } from '../testing.ts';
import { Counter, exposition, gauge, Histogram, labels } from './families.ts';

interface Parsed {
  type: string;
  help: string;
  samples: Map<string, number>;
}

const unescaped = (value: string) => value.replace(/\\(\\|"|n)/g, (_, c: string) => (c === 'n' ? '\n' : c));

/** The exposition format, read strictly: a family's lines stand together, a sample stands once, labels are sorted here. */
function parse(text: string): Map<string, Parsed> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, Parsed>();
  let current: Parsed | undefined;
  let name = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (help) {
      name = help[1] as string;
      expect(families.has(name)).toBe(false);
      current = { type: '', help: help[2] as string, samples: new Map() };
      families.set(name, current);
      continue;
    }
    if (type) {
      expect(type[1]).toBe(name);
      (current as Parsed).type = type[2] as string;
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\]|\\["\\n])*",?)+)\})? (NaN|[+-]Inf|-?\d[\d.e+-]*)$/.exec(
      line,
    );
    if (!sample || !current) throw new Error(`no sample: ${line}`);
    const [, full = '', pairs = '', value] = sample;
    const suffix = full.slice(name.length);
    expect(
      full.startsWith(name) && (current.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).includes(suffix),
    ).toBe(true);
    const own = [...pairs.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key, text]) => `${key}=${unescaped(text as string)}`,
    );
    const key = `${suffix} ${own.sort().join(' ')}`.trim();
    expect(current.samples.has(key)).toBe(false);
    current.samples.set(key, Number((value as string).replace('Inf', 'Infinity')));
  }
  return families;
}

test('families are written as Prometheus reads them', () => {
  const counter = new Counter('b_total', 'With a \\ and\na new line.');
  counter.cell(labels({ path: 'a"b\\c\nd' })).count++;
  counter.cell(labels({ path: 'a"b\\c\nd' })).count += 2;
  const histogram = new Histogram('c_seconds', 'Durations.', [0.1, 1]);
  for (const seconds of [0.1, 0.5, 3]) histogram.series(labels({ verb: 'GET' })).observe(seconds);
  const text = exposition([
    histogram,
    counter,
    gauge('a', 'One.', () => [['', -1.5]]),
    gauge('none', 'None.', () => []),
  ]);
  expect(text.split('\n')[3]).toBe('# HELP b_total With a \\\\ and\\na new line.');
  const families = parse(text);
  expect([...families.keys()]).toEqual(['a', 'b_total', 'c_seconds']);
  expect(families.get('a')?.samples).toEqual(new Map([['', -1.5]]));
  expect(families.get('b_total')?.samples).toEqual(new Map([['path=a"b\\c\nd', 3]]));
  expect(Object.fromEntries(families.get('c_seconds')?.samples ?? [])).toEqual({
    '_bucket le=0.1 verb=GET': 1,
    '_bucket le=1 verb=GET': 2,
    '_bucket le=+Inf verb=GET': 3,
    '_sum verb=GET': 3.6,
    '_count verb=GET': 3,
  });
});

test('/metrics counts requests by verb, resource, scope and code, and what is stored and watched', async () => {
  const { server, call } = await testServer(openSql());
  const maps = '/api/v1/namespaces/default/configmaps';
  await call('POST', maps, { metadata: { name: 'a' } });
  await call('POST', maps, { metadata: { name: 'a' } });
  await call('GET', `${maps}/a`);
  await call('GET', maps);
  await call('GET', '/api/v1/configmaps');
  await call('GET', '/apis/no.such/v1/made-up');
  const watch = await openWatch(server, '/api/v1/configmaps?watch=true');
  const { code, headers, text } = await call('GET', '/metrics');
  expect(code).toBe(200);
  expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4; charset=utf-8/);
  const families = parse(text);
  const value = (family: string, wanted: Record<string, string>) => {
    const found = [...(families.get(family)?.samples ?? [])].filter(([key]) =>
      Object.entries(wanted).every(([name, text]) => ` ${key} `.includes(` ${name}=${text} `)),
    );
    return found.length === 1 ? found[0]?.[1] : found;
  };
  const of = (verb: string, scope: string, code: string) => ({
    verb,
    resource: 'configmaps',
    scope,
    code,
    version: 'v1',
  });
  expect(value('apiserver_request_total', of('POST', 'resource', '201'))).toBe(1);
  expect(value('apiserver_request_total', of('POST', 'resource', '409'))).toBe(1);
  expect(value('apiserver_request_total', of('GET', 'resource', '200'))).toBe(1);
  expect(value('apiserver_request_total', of('LIST', 'namespace', '200'))).toBe(1);
  expect(value('apiserver_request_total', of('LIST', 'cluster', '200'))).toBe(1);
  expect(text).not.toContain('made-up');
  expect(value('apiserver_storage_objects', { resource: 'configmaps' })).toBe(1);
  expect(value('apiserver_longrunning_requests', { resource: 'configmaps', verb: 'WATCH' })).toBe(1);
  expect(value('apiserver_current_inflight_requests', { request_kind: 'readOnly' })).toBe(1);
  expect(value('apiserver_storage_size_bytes', {})).toBeGreaterThan(0);
  expect(value('tiffin_ledger_revision', {})).toBe(server.core.ledger.revision);
  expect(value('process_start_time_seconds', {})).toBeGreaterThan(1e9);
  expect(families.get('apiserver_request_duration_seconds')?.type).toBe('histogram');
  expect(value('apiserver_flowcontrol_nominal_limit_seats', { priority_level: 'catch-all' })).toBeGreaterThan(0);
  const exempt = { flow_schema: 'exempt', priority_level: 'exempt' };
  expect(value('apiserver_flowcontrol_dispatched_requests_total', exempt)).toBe(8);
  expect(value('apiserver_flowcontrol_current_executing_requests', exempt)).toBe(1);
  await watch.cancel();
});

test('/metrics is for those who may', async () => {
  const { call } = await testServer(openSql());
  expect((await call('GET', '/metrics', undefined, { authorization: '' })).code).toBe(403);
});
