// events.k8s.io/v1 beside core/v1, over a whole server: one set of rows, two forms.
import { expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { openWatch, testServer } from '../../../apiserver/testing.ts';
import definition from './definition.ts';

const inCore = '/api/v1/namespaces/default/events';
const inGroup = '/apis/events.k8s.io/v1/namespaces/default/events';
const event = {
  metadata: { name: 'a' },
  eventTime: '2026-01-01T00:00:00.123456Z',
  type: 'Normal',
  reason: 'Started',
  action: 'Start',
  reportingController: 'example.com/it',
  reportingInstance: 'it-0',
  note: 'hello',
  regarding: { kind: 'Pod', name: 'web', namespace: 'default' },
};

test('what is written in one version is read in both', async () => {
  const { call, server } = await testServer(openSql());
  const watch = await openWatch(server, `${inGroup}?watch=1`);
  const created = await call('POST', inGroup, event);
  expect(created.code).toBe(201);
  expect(created.json).toMatchObject({ ...event, kind: 'Event', apiVersion: 'events.k8s.io/v1', deprecatedSource: {} });
  const core = (await call('GET', `${inCore}/a`)).json;
  expect(core).toMatchObject({
    apiVersion: 'v1',
    involvedObject: event.regarding,
    message: 'hello',
    source: {},
    reportingComponent: 'example.com/it',
  });
  expect(core).not.toHaveProperty('regarding');
  expect(core.metadata.uid).toBe(created.json.metadata.uid);

  const list = (await call('GET', `${inGroup}?fieldSelector=regarding.name=web`)).json;
  expect([list.kind, list.apiVersion, list.items.length]).toEqual(['EventList', 'events.k8s.io/v1', 1]);
  expect(list.items[0].note).toBe('hello');
  expect(list.items[0]).not.toHaveProperty('kind');
  expect((await call('GET', `${inGroup}?fieldSelector=regarding.name=other`)).json.items).toEqual([]);
  expect((await watch.next())?.object).toEqual(created.json);
  const table = await call('GET', inGroup, undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  expect(table.json.rows[0].cells).toContain('pod/web');

  expect((await call('PATCH', `${inGroup}/a`, { metadata: { labels: { x: 'y' } } })).json).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    note: 'hello',
    metadata: { labels: { x: 'y' } },
  });
  expect((await call('DELETE', `${inGroup}/a`)).json.details).toMatchObject({ group: 'events.k8s.io', kind: 'events' });
  expect((await call('GET', `${inCore}/a`)).json.message).toBe('events "a" not found');
  expect((await call('GET', `${inGroup}/a`)).json).toMatchObject({
    message: 'events.events.k8s.io "a" not found',
    details: { name: 'a', group: 'events.k8s.io', kind: 'events' },
  });
  await watch.cancel();
});

test('the newer form is held to more', async () => {
  const { call } = await testServer(openSql());
  const { regarding } = event;
  const refused = await call('POST', inGroup, {
    metadata: { name: 'a' },
    regarding,
    series: { count: 1 },
    deprecatedCount: 2,
  });
  expect(refused.json.message).toBe(
    'Event "a" is invalid: [series.count: Invalid value: "": should be at least 2, ' +
      'series.lastObservedTime: Required value, eventTime: Required value, ' +
      'type: Invalid value: "": has invalid value: , count: Invalid value: "": needs to be unset]',
  );
  const old = { metadata: { name: 'a' }, involvedObject: regarding, count: 2, series: { count: 1 } };
  expect((await call('POST', inCore, old)).code).toBe(201);
  expect((await call('PATCH', `${inCore}/a`, { message: 'changed' })).code).toBe(200);
  const changed = await call('PATCH', `${inGroup}/a`, { note: 'again', series: { count: 2 } });
  expect(changed.json.details.causes).toEqual([
    { reason: 'FieldValueRequired', message: 'Required value', field: 'series.lastObservedTime' },
    { reason: 'FieldValueInvalid', message: 'Invalid value: "again": field is immutable', field: 'message' },
  ]);
  const series = { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' };
  expect((await call('PATCH', `${inGroup}/a`, { series })).json.series).toEqual(series);
});

test('each version has its own field selectors', async () => {
  const { call } = await testServer(openSql());
  for (const [path, field] of [
    [inGroup, 'involvedObject.name'],
    [inGroup, 'source'],
    [inGroup, '__proto__'],
    [inCore, 'regarding.name'],
  ])
    expect((await call('GET', `${path}?fieldSelector=${field}=x`)).json).toMatchObject({
      reason: 'BadRequest',
      message: `field label not supported: ${field}`,
    });
});

test('both conversions are inverse, whatever is missing', () => {
  const { conversion } = definition;
  for (const given of [
    {},
    { series: { count: 2 } },
    { regarding: { name: 'a' }, deprecatedSource: { host: 'h' } },
    event,
  ]) {
    const there = conversion?.toStored({ kind: 'Event', ...given } as never);
    expect(JSON.parse(JSON.stringify(conversion?.fromStored(there)))).toEqual({ kind: 'Event', ...given });
  }
});
