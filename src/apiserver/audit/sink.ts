// Where audit events go: the log, a webhook, a bucket. Writing to a sink takes no time and never throws.
import type { AuditSinks } from '../../configuration/audit-sinks.ts';
import type { Fetch, Log, Random, Timers } from '../../ports/index.ts';
import { callOut } from '../outgoing/call.ts';
import { Batches, type BatchOptions, Refused } from './batches.ts';

export interface AuditSink {
  readonly name: string;
  /** One event, JSON without line breaks. */
  write(event: string): void;
}

/** What a runtime offers to write to; what is absent there is none of. */
export interface AuditOutlets {
  /** A line of the runtime's log. */
  line?(event: string): void;
  /** Adds lines to a file. */
  append?(events: readonly string[]): Promise<void>;
  /** Keeps an object. */
  put?(key: string, text: string): Promise<void>;
  /** Keeps the runtime from dropping what outlives its request. */
  waitUntil(work: Promise<unknown>): void;
}

export interface SinkOptions {
  outlets: AuditOutlets;
  fetch: Fetch | undefined;
  timers: Timers;
  random: Random;
  log: Log;
  dropped(sink: string, count: number): void;
}

const timeoutMs = 30_000;
const answerBytesMax = 64 * 1024;

export function sinksOf({ log, webhook, bucket }: AuditSinks, options: SinkOptions): AuditSink[] {
  const { outlets, fetch } = options;
  const { line, append, put } = outlets;
  const sinks: AuditSink[] = [];
  if (log && line) sinks.push({ name: 'log', write: line });
  else if (log && append) {
    const few = { eventsMax: 400, waitMs: 1_000, bufferEventsMax: 10_000, initialBackoffMs: 1_000 };
    sinks.push(batches('log', few, append, options));
  }
  if (webhook && fetch)
    sinks.push(batches('webhook', webhook, (events) => post(webhook.server, events, fetch, options), options));
  else if (webhook) missing('webhook');
  if (bucket && put) {
    const keep = (events: readonly string[]) =>
      put(bucket.prefix + keyOf(options), events.map((event) => `${event}\n`).join(''));
    sinks.push(batches('bucket', { ...bucket, initialBackoffMs: 1_000 }, keep, options));
  } else if (bucket) missing('bucket');
  return sinks;

  function missing(name: string): void {
    options.log.error('audit events have a sink that is not there', { sink: name });
  }
}

function batches(
  name: string,
  settings: Pick<BatchOptions, 'eventsMax' | 'waitMs' | 'bufferEventsMax' | 'initialBackoffMs'>,
  send: BatchOptions['send'],
  { outlets, timers, random, log, dropped }: SinkOptions,
): Batches {
  const { eventsMax, waitMs, bufferEventsMax, initialBackoffMs } = settings;
  return new Batches({
    name,
    eventsMax,
    waitMs,
    bufferEventsMax,
    initialBackoffMs,
    timers,
    log,
    send,
    random: () => random.int(1000) / 1000,
    waitUntil: outlets.waitUntil,
    dropped: (count) => dropped(name, count),
  });
}

/** As upstream: what may pass is tried again, what is refused is not. */
async function post(
  { url, token, certificateAuthority }: NonNullable<AuditSinks['webhook']>['server'],
  events: readonly string[],
  fetch: Fetch,
  { timers }: SinkOptions,
): Promise<void> {
  const body = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${events.join(',')}]}`;
  const headers = {
    'Content-Type': 'application/json',
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  };
  const { status } = await callOut(
    fetch,
    timers,
    url,
    { method: 'POST', headers, body },
    { timeoutMs, bytesMax: answerBytesMax, ...(certificateAuthority === undefined ? {} : { certificateAuthority }) },
  );
  if (status === 429 || status >= 500) throw new Error(`status ${status}`);
  if (status >= 300) throw new Refused(`status ${status}`);
}

/** By time; several objects of one instant have names of their own. */
function keyOf({ timers, random }: SinkOptions): string {
  const time = new Date(timers.now()).toISOString();
  return `${time.slice(0, 13).replace(/[-T]/g, '/')}/${time}-${random.uuid().slice(0, 8)}.jsonl`;
}
