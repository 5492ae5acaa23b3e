// Sinks: what reaches them, in which batches, and that none of them, however slow or broken, is noticed by a request.
import { describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { readConfiguration } from '../../configuration/configuration.ts';
import type { Fetch } from '../../ports/index.ts';
import { adminToken, TestLog, TestTimers, testServer } from '../testing.ts';
import { Batches, Refused } from './batches.ts';

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function batches(send: (events: readonly string[]) => Promise<void>, more: object = {}) {
  const timers = new TestTimers();
  let dropped = 0;
  const sink = new Batches({
    ...{ name: 'test', timers, random: () => 0, log: new TestLog(), waitUntil() {}, initialBackoffMs: 1000 },
    ...{ eventsMax: 3, waitMs: 5000, bufferEventsMax: 10, ...more },
    send,
    dropped: (count) => {
      dropped += count;
    },
  });
  return { sink, timers, dropped: () => dropped };
}

describe('events leave in batches', () => {
  it('as soon as there are enough, or the first has waited', async () => {
    const sent: string[] = [];
    const { sink, timers } = batches(async (events) => void sent.push(events.join('')));
    for (const event of 'abcd') sink.write(event);
    await turn();
    expect(sent).toEqual(['abc']);
    timers.advance(4999);
    await turn();
    expect(sent).toEqual(['abc']);
    timers.advance(1);
    await turn();
    expect(sent).toEqual(['abc', 'd']);
    sink.write('e');
    timers.advance(5000);
    await turn();
    expect(sent).toEqual(['abc', 'd', 'e']);
  });
  it('one after the other; what does not fit meanwhile is dropped and counted', async () => {
    const done: (() => void)[] = [];
    const sent: string[] = [];
    const send = (events: readonly string[]) => {
      sent.push(events.join(''));
      return new Promise<void>((resolve) => done.push(resolve));
    };
    const { sink, dropped } = batches(send);
    for (const event of 'abc') sink.write(event);
    await turn();
    for (const event of 'defghijklmnop') sink.write(event);
    expect(sent).toEqual(['abc']);
    expect(dropped()).toBe(3);
    for (let i = 0; i < 4; i++) {
      done.shift()?.();
      await turn();
    }
    expect(sent.join()).toBe('abc,def,ghi,jkl');
  });
  it('again while they fail, up to five times, after longer pauses', async () => {
    const times: number[] = [];
    const { sink, timers, dropped } = batches(async () => {
      times.push(timers.now());
      throw new Error('down');
    });
    for (const event of 'abc') sink.write(event);
    for (let i = 0; i < 200; i++) {
      await turn();
      timers.advance(100);
    }
    expect(times.map((at, i) => at - (times[i - 1] ?? at))).toEqual([0, 1000, 1500, 2300, 3400]);
    expect(dropped()).toBe(3);
  });
  it('once where they are refused', async () => {
    let tries = 0;
    const { sink, timers, dropped } = batches(async () => {
      tries++;
      throw new Refused('no');
    });
    for (const event of 'abc') sink.write(event);
    await turn();
    timers.advance(60_000);
    await turn();
    expect([tries, dropped()]).toEqual([1, 3]);
  });
});

describe('a server with a webhook', () => {
  const configuration = readConfiguration([
    { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }], omitStages: ['RequestReceived'] },
    {
      apiVersion: 'tiffin.dev/v1',
      kind: 'AuditSinks',
      log: false,
      webhook: { server: 'https://sink.example/audit', token: 'of-the-sink', batchMaxSize: 2, batchMaxWait: '1s' },
      bucket: { prefix: 'a/', batchMaxWait: '1s' },
    },
  ]);
  async function server(fetch: Fetch) {
    const kept = new Map<string, string>();
    const put = async (key: string, text: string) => void kept.set(key, text);
    const audit = { put, waitUntil() {} };
    return { ...(await testServer(openSql(), { configuration, fetch, audit })), kept };
  }

  it('sends lists of events there, and keeps lines in the bucket', async () => {
    const bodies: { authorization: string | null; url: string; json: Record<string, unknown> }[] = [];
    const { call, clock, kept } = await server(async (request) => {
      const json = (await request.json()) as Record<string, unknown>;
      bodies.push({ authorization: request.headers.get('authorization'), url: request.url, json });
      return new Response();
    });
    for (let i = 0; i < 3; i++) await call('GET', '/version');
    await turn();
    clock.advance(1000);
    await turn();
    await turn();
    expect(bodies.map(({ json }) => (json.items as unknown[]).length)).toEqual([2, 1]);
    expect(bodies[0]).toMatchObject({
      authorization: 'Bearer of-the-sink',
      url: 'https://sink.example/audit',
      json: {
        kind: 'EventList',
        apiVersion: 'audit.k8s.io/v1',
        items: [{ kind: 'Event', requestURI: '/version' }, {}],
      },
    });
    expect([...kept.keys()]).toEqual([
      expect.stringMatching(/^a\/2026\/01\/02\/03\/2026-01-02T03:04:06.000Z-[0-9a-f]{8}\.jsonl$/),
    ]);
    const [text = ''] = kept.values();
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).verb),
    ).toEqual(['get', 'get', 'get']);
    expect(text).not.toContain(adminToken);
    expect(JSON.stringify(bodies.map(({ json }) => json))).not.toContain(adminToken);
  });
  it.each<[string, Fetch]>([
    ['never answers', () => new Promise(() => {})],
    ['fails', async () => new Response('no', { status: 500 })],
    ['cannot be reached', () => Promise.reject(new Error('refused'))],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    [
      'answers without end',
      async () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(9000)) })),
    ],
  ])('that %s is not noticed', async (_how, fetch) => {
    const { call } = await server(fetch);
    for (let i = 0; i < 20; i++) expect((await call('GET', '/version')).code).toBe(200);
  });
  it('whose line throws is not noticed', async () => {
    const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] };
    const line = () => {
      throw new Error('full');
    };
    const { call } = await testServer(openSql(), {
      configuration: readConfiguration([policy]),
      audit: { line, waitUntil() {} },
    });
    expect((await call('GET', '/version')).code).toBe(200);
    expect((await call('GET', '/metrics')).text).toMatch(/apiserver_audit_error_total\{plugin="log"\} 3\n/);
  });
});
